//! What countries are called on paper, in English.

use invoice_document::Country;

/// A code of ISO 3166-1 and a name a line: the usual English names of `iso3166.tab`, a table of the IANA time zone
/// database that is in the public domain.
const NAMES: &str = include_str!("countries.txt");

/// The country of that code of ISO 3166-1 alpha-2; its code stands in for a name that is not known.
pub fn of_code(code: &str) -> Country {
    let name = NAMES.lines().filter_map(|line| line.split_once(' ')).find(|(known, _)| *known == code);
    let name = name.map_or(code, |(_, name)| name);
    Country { code: code.to_owned(), name: name.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::accounts::country;

    #[test]
    fn every_country_that_an_account_may_have_is_called_something() {
        let letters = || 'A'..='Z';
        let codes = letters().flat_map(|one| letters().map(move |two| format!("{one}{two}")));
        let known: Vec<_> = codes.filter(|code| code.parse::<country::Country>().is_ok()).collect();
        assert_eq!(known.len(), NAMES.lines().count());
        for code in known {
            let country = of_code(&code);
            assert!(country.name.len() > 2 && country.code == code, "{country:?}");
        }
        assert_eq!((of_code("DE").name, of_code("GB").name), ("Germany".into(), "United Kingdom".into()));
    }
}
