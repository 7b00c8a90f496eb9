//! Where a person goes on to after the link of a mail: a page of a frontend, named by the request that causes the mail.
//!
//! It is kept with what the link is for and never taken from the link, so nobody can make our link lead elsewhere.

use common::problem::FieldError;
use contracts::public_url::PublicUrl;
use std::sync::Arc;

/// The origins that pages may be of: those that may call us (`CORS_ORIGINS`).
#[derive(Clone)]
pub struct ReturnOrigins(Arc<[String]>);

impl ReturnOrigins {
    /// What is no URL that a person may be sent to, such as plain http elsewhere than on this machine, allows nothing;
    /// nor does `own`, where no frontend is.
    pub fn new(origins: &[String], own: &PublicUrl) -> Self {
        let parsed = origins.iter().filter_map(|origin| Some(origin.parse::<PublicUrl>().ok()?.origin()));
        Self(parsed.filter(|origin| *origin != own.origin()).collect())
    }

    /// Reads an address, noting what is wrong with it.
    pub fn read(&self, text: Option<&str>, faults: &mut Vec<FieldError>) -> Option<PublicUrl> {
        let allowed = |url: &PublicUrl| self.0.contains(&url.origin());
        let url = text?.parse().ok().filter(allowed);
        if url.is_none() {
            let message = "must be an https URL (http on this machine) of a frontend that may call this service";
            faults.push(FieldError::new("return_to", "return_to_not_allowed", message));
        }
        url
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const AUTH: &str = "https://auth.example.com";

    fn origins() -> ReturnOrigins {
        let origins = ["https://app.example.com", "http://localhost:3000", "http://app.example.org", AUTH];
        ReturnOrigins::new(&origins.map(str::to_owned), &format!("{AUTH}/").parse().unwrap())
    }

    #[test]
    fn a_page_of_an_allowed_origin_is_taken_as_it_is() {
        for address in [
            "https://app.example.com",
            "https://app.example.com/welcome?from=mail#/start",
            "https://app.example.com:443/",
            "http://localhost:3000/",
        ] {
            let mut faults = Vec::new();
            assert_eq!(origins().read(Some(address), &mut faults).unwrap().as_str(), address);
            assert_eq!(faults, []);
        }
        assert_eq!(origins().read(None, &mut Vec::new()), None);
    }

    #[test]
    fn whatever_only_looks_like_one_is_not() {
        for address in [
            "",
            "/welcome",
            "//app.example.com/",
            "https:app.example.com",
            "https://app.example.com.evil.test/",
            "https://app.example.community/",
            "https://evil.test/https://app.example.com",
            "https://evil.test?https://app.example.com/",
            "https://app.example.com@evil.test/",
            "https://app.example.com:secret@evil.test/",
            "https://evil.test\\@app.example.com/",
            "https://user@app.example.com/",
            "https://app.example.com:8443/",
            "https://sub.app.example.com/",
            "http://app.example.com/",
            "http://app.example.org/",
            "http://localhost:3001/",
            "http://localhost/",
            "javascript:alert(1)//https://app.example.com",
            "JavaScript://app.example.com/%0aalert(1)",
            "data:text/html,https://app.example.com",
            "blob:https://app.example.com/x",
            " https://app.example.com/",
            "https://app.example.com/\nx",
            "https://app.example.com/\"><script>",
            "https://auth.example.com/docs/",
            "*",
            "null",
        ] {
            let mut faults = Vec::new();
            assert_eq!(origins().read(Some(address), &mut faults), None, "{address}");
            assert_eq!((faults.len(), faults[0].code.as_str()), (1, "return_to_not_allowed"));
        }
    }
}
