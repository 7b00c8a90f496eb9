//! Which templates are there? Who causes a mail is part of its definition: whoever gets mail that a tenant causes must be able to refuse it.

use super::TemplateError;
use contracts::public_url::PublicUrl;
use serde_json::{Map, Value};

/// The variable of every mail that a tenant causes: a link whose page, and whose one-click POST (RFC 8058), refuse the next.
pub const REFUSE_LINK: &str = "refuse_link";

/// Who brings it about that somebody gets a mail?
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cause {
    /// Whoever gave their own address, or the platform, which has to tell its customers something.
    Platform,
    /// A tenant, which writes to whom it likes.
    Tenant,
}

#[derive(Debug)]
pub struct Template {
    /// Of its three files: `<name>.subject.txt`, `<name>.html` and `<name>.txt`.
    pub name: &'static str,
    pub cause: Cause,
}

pub const TEMPLATES: [Template; 5] = [
    Template { name: "account-exists", cause: Cause::Platform },
    Template { name: "invitation", cause: Cause::Tenant },
    Template { name: "invoice", cause: Cause::Platform },
    Template { name: "notice", cause: Cause::Platform },
    Template { name: "verify-email", cause: Cause::Platform },
];

impl Template {
    pub fn find(name: &str) -> Option<&'static Self> {
        TEMPLATES.iter().find(|template| template.name == name)
    }

    /// The link by which such mail can be refused. Whether it may be absent, the texts decide, as for every variable.
    pub fn refuse_link(&self, variables: &Map<String, Value>) -> Result<Option<PublicUrl>, TemplateError> {
        let given = variables.get(REFUSE_LINK).filter(|_| self.cause == Cause::Tenant);
        let parsed = given.map(|link| link.as_str().unwrap_or_default().parse::<PublicUrl>()).transpose();
        parsed.map_err(|error| TemplateError::Variables {
            name: self.name.to_owned(),
            what: format!("{REFUSE_LINK} {error}"),
        })
    }
}
