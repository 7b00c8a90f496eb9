//! What does a mail say? Templates embedded in the binary: a subject, an HTML part and a text part each.

mod list;
mod names;

use contracts::public_url::PublicUrl;
use include_dir::{Dir, include_dir};
use list::Template;
use minijinja::{AutoEscape, Environment, UndefinedBehavior};
use names::display_name;
use serde_json::{Map, Value};

static FILES: Dir<'_> = include_dir!("$CARGO_MANIFEST_DIR/templates");

pub struct Templates(Environment<'static>);

/// A mail ready to be sent.
#[derive(Clone, Debug, PartialEq)]
pub struct Rendered {
    pub subject: String,
    pub html: String,
    pub text: String,
    /// Where to refuse the next such mail, if a tenant caused this one.
    pub refuse_link: Option<PublicUrl>,
}

/// Why there is nothing to send.
#[derive(Debug, thiserror::Error)]
pub enum TemplateError {
    #[error("there is no template '{0}'")]
    Unknown(String),
    /// A variable is missing or has the wrong shape.
    #[error("template '{name}' cannot be filled in: {what}")]
    Variables { name: String, what: String },
}

impl Templates {
    /// Compiles every template; a broken one stops the process at its start.
    pub fn load() -> Result<Self, minijinja::Error> {
        let mut environment = Environment::new();
        environment.set_undefined_behavior(UndefinedBehavior::Strict);
        environment
            .set_auto_escape_callback(|name| if name.ends_with(".html") { AutoEscape::Html } else { AutoEscape::None });
        environment.add_filter("display_name", display_name);
        for file in FILES.files() {
            if let (Some(name), Some(text)) = (file.path().to_str(), file.contents_utf8()) {
                environment.add_template(name, text)?;
            }
        }
        Ok(Self(environment))
    }

    pub fn render(&self, name: &str, variables: &Map<String, Value>) -> Result<Rendered, TemplateError> {
        let template = Template::find(name).ok_or_else(|| TemplateError::Unknown(name.to_owned()))?;
        let part = |extension: &str| {
            let part = self.0.get_template(&format!("{name}.{extension}"));
            let rendered =
                part.and_then(|part| part.render(minijinja::Value::from(minijinja::value::Serde(variables))));
            rendered.map_err(|error| TemplateError::Variables { name: name.to_owned(), what: error.to_string() })
        };
        // A line break in a variable must not become a header of its own.
        let subject = part("subject.txt")?.split_whitespace().collect::<Vec<_>>().join(" ");
        Ok(Rendered { subject, html: part("html")?, text: part("txt")?, refuse_link: template.refuse_link(variables)? })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use list::{Cause, REFUSE_LINK, TEMPLATES};
    use serde_json::json;

    fn render(name: &str, variables: Value) -> Result<Rendered, TemplateError> {
        Templates::load().unwrap().render(name, variables.as_object().unwrap())
    }

    /// Slashes are escaped, too.
    fn plain(html: &str) -> String {
        html.replace("&#x2f;", "/")
    }

    #[test]
    fn html_is_escaped_and_text_is_not() {
        let mail = render("notice", json!({"title": "a\r\nBcc: x", "text": "1 < 2"})).unwrap();
        assert_eq!(mail.subject, "a Bcc: x");
        assert!(mail.html.contains("1 &lt; 2") && mail.text.contains("1 < 2"), "{mail:?}");
    }

    /// The next template's author must not have to remember it.
    #[test]
    fn every_name_of_somebody_goes_through_the_filter() {
        let mut names = 0;
        for file in FILES.files() {
            let text = file.contents_utf8().unwrap();
            for expression in text.split("{{").skip(1).map(|rest| rest.split("}}").next().unwrap_or_default().trim()) {
                let variable = expression.split('|').next().unwrap_or_default().trim();
                let is_name = variable == "inviter" || variable.ends_with("_name") || variable.ends_with(".name");
                assert!(!is_name || expression.ends_with("| display_name"), "{}: {expression}", file.path().display());
                names += usize::from(is_name);
            }
        }
        assert!(names > 10, "only {names} names were found");
    }

    /// Variables with which a template that tenants cause can be filled in, but for the link.
    fn sample(name: &str) -> Value {
        match name {
            "invitation" => json!({"inviter": "Ada", "tenant_name": "Acme", "link": "https://auth.test/x", "days": 7}),
            other => panic!("write down here what '{other}' needs"),
        }
    }

    #[test]
    fn who_causes_a_mail_is_said_of_every_template() {
        let parts =
            |template: &list::Template| ["html", "subject.txt", "txt"].map(|part| format!("{}.{part}", template.name));
        let mut listed: Vec<String> = TEMPLATES.iter().flat_map(parts).collect();
        let mut files: Vec<String> = FILES.files().map(|file| file.path().display().to_string()).collect();
        listed.sort();
        files.sort();
        assert_eq!(listed, files);
        for template in &TEMPLATES {
            let has_link = parts(template)
                .iter()
                .any(|part| FILES.get_file(part).and_then(|file| file.contents_utf8()).unwrap().contains(REFUSE_LINK));
            assert_eq!(has_link, template.cause == Cause::Tenant, "{template:?}");
        }
    }

    #[test]
    fn every_mail_that_a_tenant_causes_says_in_text_and_headers_how_to_refuse() {
        const LINK: &str = "https://auth.test/v1/refusals/y";
        for template in TEMPLATES.iter().filter(|template| template.cause == Cause::Tenant) {
            let mut variables = sample(template.name);
            // Orders of an auth that knew of no such link may still be on their way; the next template has no such past.
            assert!(
                template.name == "invitation" || render(template.name, variables.clone()).is_err(),
                "{template:?} must need the link"
            );
            variables[REFUSE_LINK] = LINK.into();
            let mail = render(template.name, variables.clone()).unwrap();
            assert!(plain(&mail.html).contains(&format!("href=\"{LINK}\"")) && mail.text.contains(LINK), "{mail:?}");
            assert_eq!(mail.refuse_link.as_ref().map(PublicUrl::as_str), Some(LINK));
            for hostile in [
                json!(format!("{LINK}\r\nBcc: eve@evil.test")),
                json!(format!("{LINK}>, <{LINK}")),
                json!("http://auth.test/x"),
                json!(7),
                json!(null),
            ] {
                variables[REFUSE_LINK] = hostile;
                assert!(
                    matches!(render(template.name, variables.clone()), Err(TemplateError::Variables { .. })),
                    "{variables}"
                );
            }
        }
    }

    #[test]
    fn an_advertisement_is_not_mailed_in_the_names_of_a_tenant() {
        let hostile = json!({
            "inviter": "Win 1000 EUR at WWW.evil.example/now\u{202e}", "tenant_name": "https://evil.example \u{200b}Bank of Trust, account security department, urgent",
            "link": "https://auth.test/v1/invitations/x", "refuse_link": "https://auth.test/v1/invitation-refusals/y", "days": 7,
        });
        let mail = render("invitation", hostile).unwrap();
        assert_eq!(
            mail.subject,
            "Win 1000 EUR at WWW evil example/now invites you to Bank of Trust, account security departm… at Sevenleague"
        );
        for part in [&mail.subject, &mail.html, &mail.text] {
            assert!(!part.contains("evil.example") && !part.contains(['\u{202e}', '\u{200b}']), "{part}");
        }
        assert!(
            mail.text.contains("/v1/invitation-refusals/y") && mail.text.contains("You get this mail because"),
            "{}",
            mail.text
        );
    }

    #[test]
    fn what_an_older_service_orders_is_still_mailed() {
        let mail = render("verify-email", json!({"display_name": "Ada", "link": "https://auth.test/x", "minutes": 30}))
            .unwrap();
        assert!(mail.text.contains("https://auth.test/x"), "{}", mail.text);
        let mail =
            render("invitation", json!({"inviter": "Ada", "tenant_name": "Acme", "link": "https://auth.test/x"}))
                .unwrap();
        assert!(plain(&mail.html).contains("https://auth.test/x"), "{}", mail.html);
    }

    #[test]
    fn registrations_that_waited_share_a_mail() {
        let more = json!([{"display_name": "Eve", "tenant_name": "<Evil>", "link": "https://auth.test/2"}]);
        let variables = json!({"display_name": "Ada", "tenant_name": "Acme", "link": "https://auth.test/1", "minutes": 30, "more": more});
        let mail = render("verify-email", variables).unwrap();
        for part in [&plain(&mail.html), &mail.text] {
            assert!(
                ["Ada", "Acme", "https://auth.test/1", "Eve", "https://auth.test/2"]
                    .iter()
                    .all(|word| part.contains(word)),
                "{part}"
            );
        }
        assert!(mail.html.contains("&lt;Evil&gt;"), "{}", mail.html);
    }

    #[test]
    fn a_missing_variable_or_template_is_an_error() {
        assert!(matches!(render("notice", json!({"title": "x"})), Err(TemplateError::Variables { .. })));
        assert!(matches!(render("ghost", json!({})), Err(TemplateError::Unknown(_))));
    }
}
