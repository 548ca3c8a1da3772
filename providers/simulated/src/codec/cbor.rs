//! CBOR, as `smithy-rpc-v2-cbor` uses it. Writes no answers of its own: `Shape` says what goes into one.

use super::ApiError;
use ciborium::Value as Cbor;
use serde_json::{Map, Number, Value};

/// Reads a request body into JSON: a timestamp (tag 1) becomes its number of seconds. An empty body is an empty structure.
pub(crate) fn decode(body: &[u8]) -> Result<Value, ApiError> {
    if body.is_empty() {
        return Ok(Value::Object(Map::new()));
    }
    let value: Cbor = ciborium::from_reader(body).map_err(|_| malformed("the body is not CBOR"))?;
    to_json(value)
}

pub(super) fn encode(value: &Cbor) -> Vec<u8> {
    let mut bytes = Vec::new();
    ciborium::into_writer(value, &mut bytes).expect("a vector takes all bytes, and a value has no unserialisable part");
    bytes
}

fn to_json(value: Cbor) -> Result<Value, ApiError> {
    Ok(match value {
        Cbor::Null => Value::Null,
        Cbor::Bool(flag) => flag.into(),
        Cbor::Text(text) => text.into(),
        Cbor::Integer(number) => {
            let number = i128::from(number);
            let json = i64::try_from(number).map(Number::from).or_else(|_| u64::try_from(number).map(Number::from));
            json.map_err(|_| malformed("an integer is out of range"))?.into()
        }
        Cbor::Float(number) => Number::from_f64(number).ok_or_else(|| malformed("a number is not finite"))?.into(),
        Cbor::Tag(1, seconds) if matches!(*seconds, Cbor::Integer(_) | Cbor::Float(_)) => to_json(*seconds)?,
        Cbor::Array(items) => items.into_iter().map(to_json).collect::<Result<_, _>>()?,
        Cbor::Map(fields) => {
            let mut object = Map::new();
            for (name, value) in fields {
                let Cbor::Text(name) = name else { return Err(malformed("a field's name is not text")) };
                object.insert(name, to_json(value)?);
            }
            object.into()
        }
        _ => return Err(malformed("a value is of an unexpected type")),
    })
}

fn malformed(why: &str) -> ApiError {
    ApiError::bad("SerializationException", why)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn timestamps_doubles_and_nesting() {
        let text = |text: &str| Cbor::Text(text.to_owned());
        let value = Cbor::Map(vec![
            (text("at"), Cbor::Tag(1, Box::new(Cbor::Float(1_768_467_600.25)))),
            (
                text("values"),
                Cbor::Array(vec![Cbor::Float(1.5), Cbor::Integer(7.into()), Cbor::Bool(true), Cbor::Null]),
            ),
        ]);
        assert_eq!(decode(&encode(&value)), Ok(json!({"at": 1_768_467_600.25, "values": [1.5, 7, true, null]})));
        assert_eq!(decode(b""), Ok(json!({})));
    }

    #[test]
    fn garbage_is_an_error() {
        let deep = vec![0x81; 100_000];
        for body in [
            &b"\xff"[..],
            b"\xbf",
            b"\x9b\xff\xff\xff\xff\xff\xff\xff\xff",
            b"\x5b\x7f\xff\xff\xff\xff\xff\xff\xff",
            b"\xa1\x01\x02",
            b"\xf9\x7e\x00",
            b"\xc1\x61\x61",
            b"\x1b\xff\xff",
            b"\x43abc",
            &deep,
        ] {
            assert_eq!(
                decode(body).map_err(|error| error.code),
                Err("SerializationException".to_owned()),
                "{:?}",
                body.get(..8)
            );
        }
    }
}
