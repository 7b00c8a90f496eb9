//! The environment while it is read: every fault is told at once, and every question is noted for `docs/settings.md`.

use secrecy::SecretString;
use serde::{Deserialize, Serialize};
use std::{
    any::type_name,
    collections::HashMap,
    fmt,
    ops::{Bound, RangeBounds},
    str::FromStr,
};

/// The environment while it is being read, with the faults found so far.
pub struct Env {
    variables: HashMap<String, String>,
    faults: Vec<String>,
    asked: Vec<Setting>,
    meaning: &'static str,
}

/// One question that a program asks its environment.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Setting {
    pub name: String,
    /// What its text must be: `u32, 1 to 100`, `SocketAddr`.
    pub kind: String,
    /// What stands where it is absent.
    pub default: Option<String>,
    pub required: bool,
    pub secret: bool,
    pub meaning: String,
}

/// Everything that is wrong with the environment.
#[derive(Debug, thiserror::Error)]
pub struct Faults(Vec<String>);

impl fmt::Display for Faults {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the environment is not complete:")?;
        self.0.iter().try_for_each(|fault| write!(f, "\n  {fault}"))
    }
}

impl Env {
    pub fn from_process() -> Self {
        Self::new(std::env::vars())
    }

    /// Reads from given variables; an empty value counts as absent.
    pub fn new(variables: impl IntoIterator<Item = (String, String)>) -> Self {
        let variables = variables.into_iter().filter(|(_, value)| !value.is_empty()).collect();
        Self { variables, faults: Vec::new(), asked: Vec::new(), meaning: "" }
    }

    /// What `read` asks of an environment in which there is nothing.
    pub fn questions<C>(read: impl FnOnce(&mut Self) -> Option<C>) -> Vec<Setting> {
        let mut env = Self::new([]);
        read(&mut env);
        env.asked
    }

    /// Says what the next setting means.
    pub fn explain(&mut self, meaning: &'static str) -> &mut Self {
        self.meaning = meaning.trim();
        self
    }

    /// A value that must be there.
    pub fn required<T: FromStr<Err: fmt::Display>>(&mut self, name: &str) -> Option<T> {
        self.note::<T>(name, None).required = true;
        self.demand(name)
    }

    /// A value, or `default` where it is absent.
    pub fn or<T: FromStr<Err: fmt::Display>>(&mut self, name: &str, default: impl ToString) -> Option<T> {
        let default = default.to_string();
        self.note::<T>(name, Some(default.clone()));
        let text = self.variables.get(name).cloned().unwrap_or(default);
        self.parse(name, &text)
    }

    /// A number within a range, or `default` where it is absent.
    pub fn between<T>(&mut self, name: &str, default: T, range: impl RangeBounds<T>) -> Option<T>
    where
        T: FromStr<Err: fmt::Display> + PartialOrd + fmt::Display,
    {
        let value = self.or::<T>(name, default)?;
        let limits = match (range.start_bound(), range.end_bound()) {
            (Bound::Included(least), Bound::Included(most)) => format!("{least} to {most}"),
            (Bound::Included(least), _) => format!("at least {least}"),
            _ => "any".to_owned(),
        };
        if let Some(question) = self.asked.last_mut() {
            question.kind = format!("{}, {limits}", question.kind);
        }
        let sound = range.contains(&value);
        if !sound {
            self.fault(format!("{name} must be {limits}"));
        }
        sound.then_some(value)
    }

    /// A value that may be absent; the outer `None` is a fault.
    pub fn optional<T: FromStr<Err: fmt::Display>>(&mut self, name: &str) -> Option<Option<T>> {
        self.note::<T>(name, None);
        let Some(text) = self.variables.get(name).cloned() else { return Some(None) };
        self.parse(name, &text).map(Some)
    }

    /// A value that must be there and never shows in logs or messages.
    pub fn secret(&mut self, name: &str) -> Option<SecretString> {
        let question = self.note::<String>(name, None);
        (question.required, question.secret) = (true, true);
        self.demand::<String>(name).map(SecretString::from)
    }

    /// The same where it may be absent; the outer `None` is a fault.
    pub fn optional_secret(&mut self, name: &str) -> Option<Option<SecretString>> {
        self.note::<String>(name, None).secret = true;
        Some(self.variables.get(name).cloned().map(SecretString::from))
    }

    /// A secret of exactly `N` bytes, written in base64.
    pub fn key<const N: usize>(&mut self, name: &str) -> Option<[u8; N]> {
        let question = self.note::<String>(name, None);
        (question.required, question.secret, question.kind) = (true, true, format!("{N} bytes in base64"));
        let text = self.demand::<String>(name)?;
        let key = from_base64(&text);
        if key.is_none() {
            self.fault(format!("{name} must be {N} bytes in base64"));
        }
        key
    }

    /// Any number of such secrets, comma-separated.
    pub fn keys<const N: usize>(&mut self, name: &str) -> Option<Vec<[u8; N]>> {
        let question = self.note::<String>(name, None);
        (question.secret, question.kind) = (true, format!("{N} bytes in base64, any number of times"));
        let Some(text) = self.variables.get(name) else { return Some(Vec::new()) };
        let keys: Option<Vec<_>> = text.split(',').map(|key| from_base64(key.trim())).collect();
        if keys.is_none() {
            self.fault(format!("each of {name} must be {N} bytes in base64"));
        }
        keys
    }

    /// An absolute http(s) URL, without a slash at its end.
    pub fn url(&mut self, name: &str) -> Option<String> {
        let question = self.note::<String>(name, None);
        (question.required, question.kind) = (true, "URL".into());
        let text = self.demand::<String>(name)?;
        let url = reqwest::Url::parse(&text);
        let sound = url.is_ok_and(|url| matches!(url.scheme(), "http" | "https") && url.has_host());
        if !sound {
            self.fault(format!("{name} must be an absolute http or https URL"));
        }
        sound.then(|| text.trim_end_matches('/').to_owned())
    }

    /// Reads with `read`, for what is made of several settings.
    pub fn with<T>(&mut self, read: impl FnOnce(&mut Self) -> Option<T>) -> Option<T> {
        read(self)
    }

    /// Notes what a service's own rule finds wrong.
    pub fn fault(&mut self, fault: String) {
        self.faults.push(fault);
    }

    /// The finished configuration, or every fault at once.
    pub fn finish<C>(self, config: Option<C>) -> Result<C, Faults> {
        match config {
            Some(config) if self.faults.is_empty() => Ok(config),
            _ => Err(Faults(self.faults)),
        }
    }

    fn note<T>(&mut self, name: &str, default: Option<String>) -> &mut Setting {
        let kind = type_name::<T>().rsplit("::").next().unwrap_or_default().to_owned();
        let meaning = std::mem::take(&mut self.meaning).to_owned();
        self.asked.push(Setting { name: name.to_owned(), kind, default, required: false, secret: false, meaning });
        let last = self.asked.len() - 1;
        &mut self.asked[last]
    }

    fn demand<T: FromStr<Err: fmt::Display>>(&mut self, name: &str) -> Option<T> {
        let Some(text) = self.variables.get(name).cloned() else {
            self.faults.push(format!("{name} is missing"));
            return None;
        };
        self.parse(name, &text)
    }

    fn parse<T: FromStr<Err: fmt::Display>>(&mut self, name: &str, text: &str) -> Option<T> {
        text.parse().map_err(|fault: T::Err| self.faults.push(format!("{name}: {fault}"))).ok()
    }
}

fn from_base64<const N: usize>(text: &str) -> Option<[u8; N]> {
    use base64::{Engine, engine::general_purpose::STANDARD};
    STANDARD.decode(text).ok()?.try_into().ok()
}
