//! The texts of mails: templates embedded in the binary, with a subject, an HTML part and a text part each.

mod names;

use contracts::{mails::AnyMail, public_url::PublicUrl};
use include_dir::{Dir, include_dir};
use minijinja::{AutoEscape, Environment, UndefinedBehavior};
use names::display_name;
use serde_json::Value;

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

/// Why a template cannot be filled in.
#[derive(Debug, thiserror::Error)]
#[error("template '{name}' cannot be filled in: {what}")]
pub struct TemplateError {
    name: &'static str,
    what: String,
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

    pub fn render(&self, mail: &AnyMail) -> Result<Rendered, TemplateError> {
        let name = mail.template();
        let fault = |what: String| TemplateError { name, what };
        let variables = mail.variables().map_err(|error| fault(error.to_string()))?;
        let [subject, html, text] = self.parts(name, &variables).map_err(|error| fault(error.to_string()))?;
        // A line break in a variable must not become a header of its own.
        let subject = subject.split_whitespace().collect::<Vec<_>>().join(" ");
        let refuse_link = mail.refuse_link().map(str::parse).transpose();
        let refuse_link = refuse_link.map_err(|error| fault(format!("refuse_link {error}")))?;
        Ok(Rendered { subject, html, text, refuse_link })
    }

    fn parts(&self, name: &str, variables: &Value) -> Result<[String; 3], minijinja::Error> {
        let part = |extension: &str| {
            let part = self.0.get_template(&format!("{name}.{extension}"))?;
            part.render(minijinja::Value::from(minijinja::value::Serde(variables)))
        };
        Ok([part("subject.txt")?, part("html")?, part("txt")?])
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use contracts::mails::{Invitation, Mail, Notice, Registration, VerifyEmail};
    use std::collections::BTreeSet;

    fn render(mail: impl Into<AnyMail>) -> Result<Rendered, TemplateError> {
        Templates::load().unwrap().render(&mail.into())
    }

    /// Slashes are escaped, too.
    fn plain(html: &str) -> String {
        html.replace("&#x2f;", "/")
    }

    /// JSON Pointer (RFC 6901) of every variable, those within others and the first of each list included.
    fn pointers(value: &Value, at: &str) -> Vec<String> {
        let below: Vec<(String, &Value)> = match value {
            Value::Object(fields) => fields.iter().map(|(name, value)| (format!("{at}/{name}"), value)).collect(),
            Value::Array(values) => return values.first().map_or(vec![], |value| pointers(value, &format!("{at}/0"))),
            _ => vec![],
        };
        below.into_iter().flat_map(|(at, value)| [vec![at.clone()], pointers(value, &at)].concat()).collect()
    }

    fn remove(variables: &mut Value, pointer: &str) {
        let (parent, name) = pointer.rsplit_once('/').unwrap();
        variables.pointer_mut(parent).unwrap().as_object_mut().unwrap().remove(name).unwrap();
    }

    #[test]
    fn every_mail_is_filled_in_by_its_sample_and_uses_all_of_it() {
        let templates = Templates::load().unwrap();
        for mail in AnyMail::samples() {
            templates.render(&mail).unwrap();
            let variables = mail.variables().unwrap();
            for pointer in pointers(&variables, "") {
                let mut fewer = variables.clone();
                remove(&mut fewer, &pointer);
                let rendered = templates.parts(mail.template(), &fewer);
                assert!(rendered.is_err(), "no part of '{}' uses {pointer}", mail.template());
            }
        }
    }

    #[test]
    fn every_template_has_its_mail() {
        let parts = |template: &&str| ["html", "subject.txt", "txt"].map(|part| format!("{template}.{part}"));
        let wanted: BTreeSet<String> = AnyMail::TEMPLATES.iter().flat_map(parts).collect();
        let files: BTreeSet<String> = FILES.files().map(|file| file.path().display().to_string()).collect();
        assert_eq!(files, wanted);
    }

    #[test]
    fn html_is_escaped_and_text_is_not() {
        let mail = render(Notice { title: "a\r\nBcc: x".into(), text: "1 < 2".into() }).unwrap();
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
                let is_name = ["inviter", "name"].contains(&variable)
                    || variable.ends_with("_name")
                    || variable.ends_with(".name");
                assert!(!is_name || expression.ends_with("| display_name"), "{}: {expression}", file.path().display());
                names += usize::from(is_name);
            }
        }
        assert!(names > 10, "only {names} names were found");
    }

    #[test]
    fn every_mail_that_a_tenant_causes_says_in_text_and_headers_how_to_refuse() {
        for mail in AnyMail::samples() {
            let Some(link) = mail.refuse_link() else { continue };
            let rendered = render(mail.clone()).unwrap();
            assert!(plain(&rendered.html).contains(&format!("href=\"{link}\"")), "{rendered:?}");
            assert!(rendered.text.contains(link), "{rendered:?}");
            assert_eq!(rendered.refuse_link.as_ref().map(PublicUrl::as_str), Some(link));
        }
        const LINK: &str = "https://auth.test/v1/refusals/y";
        let hostile =
            [format!("{LINK}\r\nBcc: eve@evil.test"), format!("{LINK}>, <{LINK}"), "http://auth.test/x".into()];
        for refuse_link in hostile {
            assert!(render(Invitation { refuse_link, ..Invitation::sample() }).is_err());
        }
    }

    #[test]
    fn an_advertisement_is_not_mailed_in_the_names_of_a_tenant() {
        let hostile = Invitation {
            inviter: "Win 1000 EUR at WWW.evil.example/now\u{202e}".into(),
            tenant_name: "https://evil.example \u{200b}Bank of Trust, account security department, urgent".into(),
            ..Invitation::sample()
        };
        let mail = render(hostile).unwrap();
        assert_eq!(
            mail.subject,
            "Win 1000 EUR at WWW evil example/now invites you to Bank of Trust, account security departm… at \
             Sevenleague"
        );
        for part in [&mail.subject, &mail.html, &mail.text] {
            assert!(!part.contains("evil.example") && !part.contains(['\u{202e}', '\u{200b}']), "{part}");
        }
        assert!(mail.text.contains("You get this mail because"), "{}", mail.text);
    }

    #[test]
    fn registrations_that_waited_share_a_mail() {
        let link = "https://auth.test/2".to_owned();
        let eve = Registration { display_name: "Eve".into(), tenant_name: "<Evil>".into(), link };
        let mail = render(VerifyEmail { more: vec![eve], ..VerifyEmail::sample() }).unwrap();
        for part in [&plain(&mail.html), &mail.text] {
            let words = ["Ada", "Acme", "email-verifications/x", "Eve", "https://auth.test/2"];
            assert!(words.iter().all(|word| part.contains(word)), "{part}");
        }
        assert!(mail.html.contains("&lt;Evil&gt;"), "{}", mail.html);
    }
}
