//! Cron lines of five fields (minute, hour, day of the month, month, day of the week) in UTC, as crontab(5) has them.

use chrono::{DateTime, Utc};
use croner::{
    Cron,
    errors::CronError,
    parser::{CronParser, Seconds, Year},
};

/// Longest line, in bytes.
const LONGEST: usize = 100;

/// Why a line is refused, in words for whoever wrote it.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum Unfit {
    #[error("it is not a cron line of five fields: {0}")]
    Malformed(String),
    #[error("it never comes, as there is no such day")]
    Never,
}

/// A cron line that comes again and again.
#[derive(Debug)]
pub(super) struct Line(Cron);

impl Line {
    /// Reads `text`; `now` is from when on it must come.
    pub fn parse(text: &str, now: DateTime<Utc>) -> Result<Self, Unfit> {
        if text.len() > LONGEST {
            return Err(Unfit::Malformed(format!("it is longer than {LONGEST} bytes")));
        }
        let parser = CronParser::builder().seconds(Seconds::Disallowed).year(Year::Disallowed).build();
        let line = Self(parser.parse(text).map_err(|error| Unfit::Malformed(error.to_string()))?);
        line.next(now)?;
        Ok(line)
    }

    /// The first time that is after `now`.
    pub fn next(&self, now: DateTime<Utc>) -> Result<DateTime<Utc>, Unfit> {
        self.0.find_next_occurrence(&now, false).map_err(|error| match error {
            CronError::TimeSearchLimitExceeded => Unfit::Never,
            error => Unfit::Malformed(error.to_string()),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Instant;

    fn at(text: &str) -> DateTime<Utc> {
        DateTime::parse_from_rfc3339(text).unwrap().to_utc()
    }

    #[test]
    fn a_line_comes_at_its_times() {
        let now = at("2026-11-22T11:59:30Z");
        for (text, next) in [
            ("* * * * *", "2026-11-22T12:00:00Z"),
            ("*/15 * * * *", "2026-11-22T12:00:00Z"),
            ("0 3 * * *", "2026-11-23T03:00:00Z"),
            ("30 8 * * MON-FRI", "2026-11-23T08:30:00Z"),
            ("0 0 1 1 *", "2027-01-01T00:00:00Z"),
            ("0 0 29 2 *", "2028-02-29T00:00:00Z"),
        ] {
            assert_eq!(Line::parse(text, now).unwrap().next(now).unwrap(), at(next), "{text}");
        }
        let line = Line::parse("* * * * *", now).unwrap();
        assert_eq!(line.next(at("2026-11-22T12:00:00Z")).unwrap(), at("2026-11-22T12:01:00Z"));
    }

    #[test]
    fn a_line_that_never_comes_is_refused_at_once() {
        let started = Instant::now();
        for text in ["0 0 30 2 *", "0 0 31 2,4,6,9,11 *"] {
            assert_eq!(Line::parse(text, at("2026-11-22T12:00:00Z")).unwrap_err(), Unfit::Never, "{text}");
        }
        assert!(started.elapsed().as_secs() < 1, "{:?}", started.elapsed());
    }

    #[test]
    fn what_is_no_line_is_refused() {
        let long = "* ".repeat(100);
        for text in
            ["", "soon", "* * * *", "* * * * * *", "60 * * * *", "* * * 13 *", "*/0 * * * *", "a b c d e", &*long]
        {
            let refusal = Line::parse(text, at("2026-11-22T12:00:00Z")).unwrap_err();
            assert!(matches!(refusal, Unfit::Malformed(_)), "{text}: {refusal}");
        }
    }
}
