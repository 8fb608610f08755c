//! Which URLs are fetched.

use std::fmt;
use std::net::IpAddr;

use ureq::http::Uri;

use super::HttpError;

/// A URL that may be fetched: `https`, or `http` to this machine or where the user allowed it.
#[derive(Debug, Clone)]
pub(crate) struct PackageUrl {
    uri: Uri,
}

impl PackageUrl {
    /// Reads a URL.
    pub(crate) fn parse(text: &str, allow_http: bool) -> Result<Self, HttpError> {
        let uri: Uri = text.parse().map_err(|_| HttpError::NotAUrl)?;
        let url = Self { uri };
        // Errors and logs show addresses, and a password does not belong there.
        if url.uri.authority().is_some_and(|authority| authority.as_str().contains('@')) {
            return Err(HttpError::Password);
        }
        match url.uri.scheme_str() {
            Some("https") => Ok(url),
            Some("http") if allow_http || url.is_loopback() => Ok(url),
            Some("http") => Err(HttpError::Unencrypted { url: url.to_string() }),
            scheme => Err(HttpError::Scheme { scheme: scheme.unwrap_or_default().to_owned() }),
        }
    }

    pub(super) fn uri(&self) -> &Uri {
        &self.uri
    }

    /// Whether nothing but `https` may be spoken, redirects included.
    pub(super) fn is_encrypted(&self) -> bool {
        self.uri.scheme_str() == Some("https")
    }

    /// Whether it stays on this machine.
    pub(super) fn is_loopback(&self) -> bool {
        let host = self.uri.host().unwrap_or_default().trim_matches(['[', ']']);
        host.eq_ignore_ascii_case("localhost")
            || host.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
    }
}

/// Without the query, where access tokens stand.
impl fmt::Display for PackageUrl {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (scheme, host) = (self.uri.scheme_str().unwrap_or_default(), self.uri.authority());
        write!(formatter, "{scheme}://{}{}", host.map_or("", |host| host.as_str()), self.uri.path())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn https_is_allowed_and_http_only_to_this_machine() {
        for allowed in [
            "https://example.org/a.wwpkg",
            "http://127.0.0.1:8000/a.wwpkg",
            "http://localhost/a",
            "http://[::1]:8000/a",
        ] {
            assert!(PackageUrl::parse(allowed, false).is_ok(), "{allowed}");
        }
        for unencrypted in ["http://example.org/a", "http://localhost.example.org/a", "http://10.0.0.1/a"] {
            let error = PackageUrl::parse(unencrypted, false).unwrap_err();
            assert!(matches!(error, HttpError::Unencrypted { .. }), "{unencrypted}: {error}");
            assert!(PackageUrl::parse(unencrypted, true).is_ok(), "{unencrypted}");
        }
        for scheme in ["ftp://example.org/a", "file://localhost/etc/passwd"] {
            assert!(matches!(PackageUrl::parse(scheme, true), Err(HttpError::Scheme { .. })), "{scheme}");
        }
        assert!(matches!(PackageUrl::parse("https://", false), Err(HttpError::NotAUrl)));
    }

    #[test]
    fn nothing_secret_is_shown() {
        let url = PackageUrl::parse("https://example.org/a.wwpkg?token=secret", false).unwrap();
        assert_eq!(url.to_string(), "https://example.org/a.wwpkg");
        assert!(matches!(PackageUrl::parse("https://me:pw@example.org/a", false), Err(HttpError::Password)));
    }
}
