//! HL7 v2 messages as a check needs them: one to send, and the acknowledgement that answers it. Pure: sends nothing.

use hl7_parser::{
    Message,
    message::{Segment, Separators},
};
use jiff::Timestamp;

/// The codes of an acknowledgement: application (original mode) and commit (enhanced mode), accept, error and reject.
pub(crate) const CODES: [&str; 6] = ["AA", "AE", "AR", "CA", "CE", "CR"];

/// Where MSH-10 stands when MSH is split at its field separator: MSH-1 is that separator itself.
const CONTROL_ID: usize = 9;

/// Who a default message is from and for.
pub(crate) struct Parties<'a> {
    pub(crate) sending_application: &'a str,
    pub(crate) sending_facility: &'a str,
    pub(crate) receiving_application: &'a str,
    pub(crate) receiving_facility: &'a str,
    pub(crate) processing_id: &'a str,
}

/// What an acknowledgement says.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Acknowledgement {
    /// MSA-1.
    pub(crate) code: String,
    /// MSA-2: the message that it is for.
    pub(crate) control_id: String,
    /// MSA-3, and what the ERR segments say. Empty where all is well.
    pub(crate) reason: String,
}

/// A control id of at most 20 characters that no other try has: from the time, and from whose try it is.
pub(crate) fn control_id(now: Timestamp, whose: &str) -> String {
    let micros = u64::try_from(now.as_microsecond()).unwrap_or(0);
    // FNV-1a: it need not be strong, only the same on every machine.
    let hash = whose.bytes().fold(0x811c_9dc5_u32, |hash, byte| (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193));
    format!("LB{}{}", base36(micros, 10), base36(u64::from(hash) % 36_u64.pow(6), 6))
}

fn base36(mut number: u64, width: usize) -> String {
    let mut digits = Vec::new();
    while number > 0 || digits.len() < width {
        digits.push(b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"[(number % 36) as usize]);
        number /= 36;
    }
    digits.iter().rev().map(|&digit| char::from(digit)).collect()
}

/// The least ADT^A01 of HL7 2.5: the admission of a patient who is none.
pub(crate) fn admission(parties: &Parties<'_>, control_id: &str, now: Timestamp) -> String {
    let at = now.strftime("%Y%m%d%H%M%S+0000");
    let Parties { sending_application, sending_facility, receiving_application, receiving_facility, processing_id } =
        parties;
    format!(
        "MSH|^~\\&|{sending_application}|{sending_facility}|{receiving_application}|{receiving_facility}|{at}||\
         ADT^A01^ADT_A01|{control_id}|{processing_id}|2.5\r\
         EVN||{at}\r\
         PID|1||LIFEBOAT^^^LIFEBOAT||LIFEBOAT^PROBE\r\
         PV1|1|N\r"
    )
}

/// `template` with its segments ended as HL7 ends them, and with `control_id` as its MSH-10. Says what keeps it from being sent.
pub(crate) fn with_control_id(template: &str, control_id: &str) -> Result<String, String> {
    let segments: Vec<&str> = template.split(['\r', '\n']).filter(|line| !line.trim().is_empty()).collect();
    let Some((header, rest)) = segments.split_first() else { return Err("the message is empty".to_owned()) };
    let separator = field_separator(header)?;
    let mut fields: Vec<&str> = header.split(separator).collect();
    if fields.len() <= CONTROL_ID {
        fields.resize(CONTROL_ID + 1, "");
    }
    fields[CONTROL_ID] = control_id;
    let mut message = fields.join(separator.encode_utf8(&mut [0; 4]));
    for segment in rest {
        message.push('\r');
        message.push_str(segment);
    }
    message.push('\r');
    let parsed = Message::parse(&message).map_err(|error| error.to_string())?;
    // The parser stops at the first segment that is none, without a word.
    match segments.get(parsed.segments.len()) {
        Some(stray) => Err(format!("{stray:?} is not a segment")),
        None => Ok(message),
    }
}

/// MSH-1 of a message that starts like one.
fn field_separator(header: &str) -> Result<char, String> {
    let Some(rest) = header.strip_prefix("MSH") else { return Err("the message does not start with MSH".to_owned()) };
    let is_mark = |c: char| c.is_ascii_punctuation();
    let mut marks = rest.chars();
    match marks.next().filter(|&c| is_mark(c)) {
        Some(separator) if rest.len() > 4 && marks.take(4).all(is_mark) => Ok(separator),
        _ => Err("MSH is not followed by its separators, like MSH|^~\\&".to_owned()),
    }
}

/// Reads the acknowledgement in `message`, or says why there is none.
pub(crate) fn acknowledgement(message: &str) -> Result<Acknowledgement, String> {
    field_separator(message)?;
    // Receivers are met that end segments as text files end lines.
    let parsed = Message::parse_with_lenient_newlines(message, true).map_err(|error| error.to_string())?;
    let marks = &parsed.separators;
    let msa = parsed.segment("MSA").ok_or("the answer has no MSA segment")?;
    let value = |number| msa.field(number).map(|field| field.raw_value().trim().to_owned()).unwrap_or_default();
    let mut reasons: Vec<String> = said(msa, 3, marks).into_iter().collect();
    for err in parsed.segments().filter(|segment| segment.name == "ERR") {
        reasons.extend(error_text(err, marks).filter(|text| !reasons.contains(text)));
    }
    Ok(Acknowledgement { code: value(1), control_id: value(2), reason: reasons.join("; ") })
}

/// What an ERR segment says to people: the user's message, else the diagnosis, else the error's code; before HL7 2.5, ERR-1.
fn error_text(err: &Segment<'_>, marks: &Separators) -> Option<String> {
    let code = || {
        let field = err.field(3)?;
        [2, 1].into_iter().find_map(|n| {
            let text = unescaped(field.component(n)?.raw_value(), marks);
            (!text.trim().is_empty()).then_some(text)
        })
    };
    said(err, 8, marks).or_else(|| said(err, 7, marks)).or_else(code).or_else(|| said(err, 1, marks))
}

fn said(segment: &Segment<'_>, number: usize, marks: &Separators) -> Option<String> {
    let text = unescaped(segment.field(number)?.raw_value(), marks);
    (!text.trim().is_empty()).then_some(text)
}

/// `raw` with its separators and line breaks put back. Other escapes, and what only looks like one, stay as they are.
///
/// The parser has a function for this too, but it panics on escapes that nobody should write and somebody will.
fn unescaped(raw: &str, marks: &Separators) -> String {
    let mut text = String::new();
    let mut rest = raw;
    while let Some((before, escape)) = rest.split_once(marks.escape) {
        text.push_str(before);
        let known = escape.split_once(marks.escape).and_then(|(name, after)| {
            let mark = match name {
                "F" => marks.field,
                "S" => marks.component,
                "T" => marks.subcomponent,
                "R" => marks.repetition,
                "E" => marks.escape,
                ".br" => ' ',
                _ => return None,
            };
            Some((mark, after))
        });
        let (mark, after) = known.unwrap_or((marks.escape, escape));
        text.push(mark);
        rest = after;
    }
    text + rest
}

#[cfg(test)]
mod tests {
    use super::*;

    const PARTIES: Parties<'_> = Parties {
        sending_application: "LIFEBOAT",
        sending_facility: "",
        receiving_application: "ENGINE",
        receiving_facility: "WEST",
        processing_id: "T",
    };

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    #[test]
    fn a_control_id_is_short_and_fresh() {
        let now = at("2026-03-01T12:00:00Z");
        let id = control_id(now, "ready 1 r2");
        assert_eq!(id, control_id(now, "ready 1 r2"), "the same try of the same world has the same id");
        for other in [control_id(at("2026-03-01T12:00:00.000001Z"), "ready 1 r2"), control_id(now, "ready 2 r2")] {
            assert_ne!(id, other);
        }
        for moment in ["1970-01-01T00:00:00Z", "2026-03-01T12:00:00Z", "9999-12-30T00:00:00Z"] {
            let id = control_id(at(moment), "x");
            assert!((18..=20).contains(&id.len()), "{id}");
            assert!(id.chars().all(|c| c.is_ascii_alphanumeric()), "{id}");
        }
    }

    #[test]
    fn the_default_message_is_a_whole_admission() {
        let message = admission(&PARTIES, "LB1", at("2026-03-01T12:34:56.789Z"));
        assert_eq!(
            message,
            "MSH|^~\\&|LIFEBOAT||ENGINE|WEST|20260301123456+0000||ADT^A01^ADT_A01|LB1|T|2.5\r\
             EVN||20260301123456+0000\rPID|1||LIFEBOAT^^^LIFEBOAT||LIFEBOAT^PROBE\rPV1|1|N\r"
        );
        assert_eq!(with_control_id(&message, "LB1"), Ok(message));
    }

    #[test]
    fn a_template_gets_our_control_id_and_its_own_line_ends() {
        let sent = "MSH|^~\\&|A||||20260101||ORU^R01|LB1|P|2.3\rOBX|1\r";
        for end in ["\r", "\n", "\r\n"] {
            let template = format!("MSH|^~\\&|A||||20260101||ORU^R01|OLD|P|2.3{end}OBX|1{end}{end}");
            assert_eq!(with_control_id(&template, "LB1").as_deref(), Ok(sent));
        }
        assert_eq!(with_control_id("MSH#^~\\&#A", "LB1").as_deref(), Ok("MSH#^~\\&#A#######LB1\r"));
        // Since HL7 2.7 there may be a fifth encoding character.
        assert_eq!(
            with_control_id("MSH|^~\\&#|A||||||ACK|OLD|P|2.7", "LB1").as_deref(),
            Ok("MSH|^~\\&#|A||||||ACK|LB1|P|2.7\r")
        );
    }

    #[test]
    fn what_is_no_message_is_told() {
        for (template, why) in [
            ("", "is empty"),
            ("\n \n", "is empty"),
            ("PID|1", "does not start with MSH"),
            ("MSH", "not followed by its separators"),
            ("MSH|^~", "not followed by its separators"),
            ("MSHé^~\\&|", "not followed by its separators"),
            ("MSH|^~\\&|A\nhello\nPV1|1", "\"hello\" is not a segment"),
        ] {
            let error = with_control_id(template, "LB1").unwrap_err();
            assert!(error.contains(why), "{template:?}: {error}");
        }
    }

    #[test]
    fn acknowledgements_are_read() {
        let read = |text: &str| acknowledgement(text).unwrap();
        let plain = |code: &str, id: &str, reason: &str| Acknowledgement {
            code: code.to_owned(),
            control_id: id.to_owned(),
            reason: reason.to_owned(),
        };
        assert_eq!(read("MSH|^~\\&|E||||1||ACK|9|P|2.5\rMSA|AA|LB1\r"), plain("AA", "LB1", ""));
        assert_eq!(read("MSH|^~\\&|E||||1||ACK|9|P|2.5\nMSA|CA|LB1|\n"), plain("CA", "LB1", ""));
        assert_eq!(
            read(
                "MSH|^~\\&#|E||||1||ACK|9|P|2.7\rMSA|AE|LB1|no \\F\\ here\rERR||PID^1|207^failed^HL70357|E|||trace|call us\r"
            ),
            plain("AE", "LB1", "no | here; call us")
        );
        assert_eq!(
            read("MSH|^~\\&|E||||1||ACK|9|P|2.5\rMSA|AR|LB1\rERR|||202^Unsupported event^HL70357|E\rERR|||101|E"),
            plain("AR", "LB1", "Unsupported event; 101")
        );
        assert_eq!(read("MSH|^~\\&|E\rMSA|"), plain("", "", ""));
        assert_eq!(
            read("MSH|^~\\&|E\rMSA|AE|LB1|a\\T\\b\\.br\\c\\E\\ \\.Mé\\ \\X0\\ \\\rERR|").reason,
            "a&b c\\ \\.Mé\\ \\X0\\ \\"
        );
    }

    #[test]
    fn what_is_no_acknowledgement_is_told() {
        for (answer, why) in [
            ("", "does not start with MSH"),
            ("\u{6}", "does not start with MSH"),
            ("MSH|^~\\&|E||||1||ACK|9|P|2.5\r", "has no MSA segment"),
            ("MSH\r\r\r\r\r\r", "not followed by its separators"),
        ] {
            let error = acknowledgement(answer).unwrap_err();
            assert!(error.contains(why), "{answer:?}: {error}");
        }
    }
}
