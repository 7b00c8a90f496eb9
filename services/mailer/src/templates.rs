//! What does a mail say? Templates embedded in the binary: a subject, an HTML part and a text part each.

use include_dir::{Dir, include_dir};
use minijinja::{AutoEscape, Environment, UndefinedBehavior};
use serde_json::{Map, Value};

static FILES: Dir<'_> = include_dir!("$CARGO_MANIFEST_DIR/templates");

pub struct Templates(Environment<'static>);

/// A mail ready to be sent.
#[derive(Clone, Debug, PartialEq)]
pub struct Rendered {
    pub subject: String,
    pub html: String,
    pub text: String,
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
        environment.set_auto_escape_callback(|name| if name.ends_with(".html") { AutoEscape::Html } else { AutoEscape::None });
        for file in FILES.files() {
            if let (Some(name), Some(text)) = (file.path().to_str(), file.contents_utf8()) {
                environment.add_template(name, text)?;
            }
        }
        Ok(Self(environment))
    }

    pub fn render(&self, name: &str, variables: &Map<String, Value>) -> Result<Rendered, TemplateError> {
        let part = |extension: &str| {
            let template = self.0.get_template(&format!("{name}.{extension}")).map_err(|_| TemplateError::Unknown(name.to_owned()))?;
            template
                .render(minijinja::Value::from(minijinja::value::Serde(variables)))
                .map_err(|error| TemplateError::Variables { name: name.to_owned(), what: error.to_string() })
        };
        // A line break in a variable must not become a header of its own.
        let subject = part("subject.txt")?.split_whitespace().collect::<Vec<_>>().join(" ");
        Ok(Rendered { subject, html: part("html")?, text: part("txt")? })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn render(name: &str, variables: Value) -> Result<Rendered, TemplateError> {
        Templates::load().unwrap().render(name, variables.as_object().unwrap())
    }

    #[test]
    fn html_is_escaped_and_text_is_not() {
        let mail = render("notice", json!({"title": "a\r\nBcc: x", "text": "1 < 2"})).unwrap();
        assert_eq!(mail.subject, "a Bcc: x");
        assert!(mail.html.contains("1 &lt; 2") && mail.text.contains("1 < 2"), "{mail:?}");
    }

    #[test]
    fn a_missing_variable_or_template_is_an_error() {
        assert!(matches!(render("notice", json!({"title": "x"})), Err(TemplateError::Variables { .. })));
        assert!(matches!(render("ghost", json!({})), Err(TemplateError::Unknown(_))));
    }
}
