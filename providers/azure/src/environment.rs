//! A cloud of Azure: the authority that issues tokens, the endpoint of its Resource Manager and the scope of the tokens, as one unit.
//!
//! Also the rule of where a token may go: to the declared endpoint's own host or a part of it, encrypted, and nowhere else.

use http::Uri;

/// Public, government, China, or one of the operator's own.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CloudEnvironment {
    authority: String,
    endpoint: String,
    host: String,
    port: u16,
    scope: String,
}

/// An environment that cannot be: its addresses must be encrypted and name a host.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is not the address of a cloud; write it like https://management.azure.com")]
pub struct BadEnvironment(String);

const HTTPS: u16 = 443;

impl CloudEnvironment {
    pub fn public() -> Self {
        Self::known("https://login.microsoftonline.com", "https://management.azure.com")
    }

    pub fn government() -> Self {
        Self::known("https://login.microsoftonline.us", "https://management.usgovcloudapi.net")
    }

    pub fn china() -> Self {
        Self::known("https://login.chinacloudapi.cn", "https://management.chinacloudapi.cn")
    }

    fn known(authority: &str, endpoint: &str) -> Self {
        Self::custom(authority, endpoint).expect("the addresses of the known clouds are sound")
    }

    /// A cloud with addresses of its own. Its tokens are good for its own endpoint, and for nothing else.
    pub fn custom(authority: &str, endpoint: &str) -> Result<Self, BadEnvironment> {
        let authority = authority.trim_end_matches('/');
        let endpoint = endpoint.trim_end_matches('/');
        place(authority).ok_or_else(|| BadEnvironment(authority.to_owned()))?;
        let (host, port) = place(endpoint).ok_or_else(|| BadEnvironment(endpoint.to_owned()))?;
        let scope = format!("{endpoint}/.default");
        Ok(Self { authority: authority.to_owned(), endpoint: endpoint.to_owned(), host, port, scope })
    }

    pub(crate) fn authority(&self) -> &str {
        &self.authority
    }

    /// Without a slash at its end.
    pub(crate) fn endpoint(&self) -> &str {
        &self.endpoint
    }

    pub(crate) fn scope(&self) -> &str {
        &self.scope
    }

    /// Whether a token may be sent to `uri`. Answers name addresses to ask again: this is what they are held against.
    pub(crate) fn admits(&self, uri: &Uri) -> bool {
        // `user@host` has no business here, and reads differently to different readers.
        let plain = uri.authority().is_some_and(|authority| !authority.as_str().contains('@'));
        let host = uri.host().unwrap_or_default().to_ascii_lowercase();
        let ours = host == self.host || host.strip_suffix(&self.host).is_some_and(|below| below.ends_with('.'));
        plain && uri.scheme_str() == Some("https") && uri.port_u16().unwrap_or(HTTPS) == self.port && ours
    }

    /// Whether `uri` is the authority's.
    pub(crate) fn is_authority(&self, uri: &Uri) -> bool {
        let expected = place(&self.authority);
        let found = (uri.scheme_str() == Some("https"))
            .then(|| (uri.host().unwrap_or_default().to_ascii_lowercase(), uri.port_u16().unwrap_or(HTTPS)));
        found.is_some() && found == expected
    }
}

/// Host and port of an encrypted address without a path.
fn place(address: &str) -> Option<(String, u16)> {
    let uri: Uri = address.parse().ok()?;
    let host = uri.host().filter(|host| !host.is_empty())?.to_ascii_lowercase();
    let bare = uri.scheme_str() == Some("https") && !address.contains('@') && matches!(uri.path(), "" | "/");
    bare.then(|| (host, uri.port_u16().unwrap_or(HTTPS)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_goes_to_the_declared_host_and_its_parts_alone() {
        let public = CloudEnvironment::public();
        let admits = |text: &str| text.parse::<Uri>().is_ok_and(|uri| public.admits(&uri));
        for text in [
            "https://management.azure.com/subscriptions",
            "https://MANAGEMENT.azure.com:443/x",
            "https://centraluseuap.management.azure.com/operations/1?api-version=1&t=2",
        ] {
            assert!(admits(text), "{text}");
        }
        for text in [
            "http://management.azure.com/x",
            "https://management.azure.com:444/x",
            "https://management.azure.com.evil.example/x",
            "https://evilmanagement.azure.com/x",
            "https://management.azure.com@evil.example/x",
            "https://user@management.azure.com/x",
            "https://management.usgovcloudapi.net/x",
            "/subscriptions",
        ] {
            assert!(!admits(text), "{text}");
        }
    }

    #[test]
    fn the_parts_of_a_cloud_belong_together() {
        let china = CloudEnvironment::china();
        assert_eq!(china.scope(), "https://management.chinacloudapi.cn/.default");
        assert!(china.is_authority(&"https://login.chinacloudapi.cn/t/oauth2/v2.0/token".parse().unwrap()));
        assert!(!china.is_authority(&"https://login.microsoftonline.com/t".parse().unwrap()));
        assert!(CloudEnvironment::custom("http://login.local", "https://arm.local").is_err());
        assert!(CloudEnvironment::custom("https://login.local", "https://arm.local/path").is_err());
        let own = CloudEnvironment::custom("https://login.local/", "https://arm.local:8443/").unwrap();
        assert_eq!((own.endpoint(), own.scope()), ("https://arm.local:8443", "https://arm.local:8443/.default"));
        assert!(own.admits(&"https://arm.local:8443/x".parse().unwrap()));
    }
}
