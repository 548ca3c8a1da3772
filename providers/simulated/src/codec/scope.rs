//! The credential scope of a signed request: who calls which service in which region. Checks no signature.

use http::HeaderMap;

/// What a signature says about a call: `Credential=ACCESS_KEY/DATE/REGION/SERVICE/aws4_request`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Scope {
    pub(crate) access_key: String,
    /// `20260115`.
    pub(crate) date: String,
    pub(crate) region: String,
    /// The service's signing name: `elasticloadbalancing`.
    pub(crate) service: String,
}

impl Scope {
    /// The scope in the `Authorization` header or, for a presigned request, in the query string.
    pub(crate) fn of(headers: &HeaderMap, query: Option<&str>) -> Option<Self> {
        let signed =
            headers.get(http::header::AUTHORIZATION).and_then(|value| value.to_str().ok()).and_then(credential);
        if let Some(scope) = signed.and_then(Self::parse) {
            return Some(scope);
        }
        let mut fields = form_urlencoded::parse(query?.as_bytes());
        let (_, presigned) = fields.find(|(name, _)| name.eq_ignore_ascii_case("X-Amz-Credential"))?;
        Self::parse(&presigned)
    }

    fn parse(text: &str) -> Option<Self> {
        // From the right: only the access key may hold a slash.
        let mut parts = text.rsplitn(5, '/');
        let "aws4_request" = parts.next()? else { return None };
        let (service, region, date, access_key) = (parts.next()?, parts.next()?, parts.next()?, parts.next()?);
        let whole = [service, region, date, access_key].iter().all(|part| !part.is_empty());
        whole.then(|| Self {
            access_key: access_key.to_owned(),
            date: date.to_owned(),
            region: region.to_owned(),
            service: service.to_owned(),
        })
    }
}

fn credential(header: &str) -> Option<&str> {
    let fields = header.strip_prefix("AWS4-HMAC-SHA256")?;
    fields.split(',').find_map(|field| field.trim().strip_prefix("Credential="))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn signed(value: &[u8]) -> Option<Scope> {
        let mut headers = HeaderMap::new();
        headers.insert(http::header::AUTHORIZATION, http::HeaderValue::from_bytes(value).ok()?);
        Scope::of(&headers, None)
    }

    #[test]
    fn a_signature_names_service_and_region() {
        let scope = signed(
            b"AWS4-HMAC-SHA256 Credential=AKIA/20260115/us-east-1/ec2/aws4_request, SignedHeaders=host, Signature=0",
        );
        let expected = ("AKIA", "20260115", "us-east-1", "ec2");
        let found = scope.as_ref().map(|s| (&*s.access_key, &*s.date, &*s.region, &*s.service));
        assert_eq!(found, Some(expected));
        let query = "X-Amz-Credential=AKIA%2F20260115%2Fus-east-1%2Fec2%2Faws4_request&X-Amz-Signature=0";
        assert_eq!(Scope::of(&HeaderMap::new(), Some(query)), scope);
    }

    #[test]
    fn garbage_is_no_scope() {
        for value in [
            &b"AWS4-HMAC-SHA256 Credential="[..],
            b"AWS4-HMAC-SHA256 Credential=////aws4_request",
            b"AWS4-HMAC-SHA256 Credential=a/b/c/aws4_request",
            b"AWS4-HMAC-SHA256",
            b"Basic dXNlcg==",
            b"\xff\xfe",
        ] {
            assert_eq!(signed(value), None, "{value:?}");
        }
        assert_eq!(Scope::of(&HeaderMap::new(), Some("X-Amz-Credential=%FF%")), None);
    }
}
