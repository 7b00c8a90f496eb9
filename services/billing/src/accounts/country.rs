//! Countries of ISO 3166-1.

use serde::Serialize;
use std::str::FromStr;

/// Every code that is assigned officially.
const CODES: &str = "AD AE AF AG AI AL AM AO AQ AR AS AT AU AW AX AZ BA BB BD BE BF BG BH BI BJ BL BM BN BO BQ BR BS \
    BT BV BW BY BZ CA CC CD CF CG CH CI CK CL CM CN CO CR CU CV CW CX CY CZ DE DJ DK DM DO DZ EC EE EG EH ER ES ET FI \
    FJ FK FM FO FR GA GB GD GE GF GG GH GI GL GM GN GP GQ GR GS GT GU GW GY HK HM HN HR HT HU ID IE IL IM IN IO IQ IR \
    IS IT JE JM JO JP KE KG KH KI KM KN KP KR KW KY KZ LA LB LC LI LK LR LS LT LU LV LY MA MC MD ME MF MG MH MK ML MM \
    MN MO MP MQ MR MS MT MU MV MW MX MY MZ NA NC NE NF NG NI NL NO NP NR NU NZ OM PA PE PF PG PH PK PL PM PN PR PS PT \
    PW PY QA RE RO RS RU RW SA SB SC SD SE SG SH SI SJ SK SL SM SN SO SR SS ST SV SX SY SZ TC TD TF TG TH TJ TK TL TM \
    TN TO TR TT TV TW TZ UA UG UM US UY UZ VA VC VE VG VI VN VU WF WS YE YT ZA ZM ZW";

/// A code of ISO 3166-1 alpha-2, such as `DE`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, sqlx::Type)]
#[serde(transparent)]
#[sqlx(transparent)]
pub struct Country(String);

#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("must be a code of ISO 3166-1 alpha-2 in capitals, such as DE")]
pub struct NotACountry;

impl Country {
    pub fn code(&self) -> &str {
        &self.0
    }
}

impl FromStr for Country {
    type Err = NotACountry;
    fn from_str(code: &str) -> Result<Self, NotACountry> {
        let known = CODES.split(' ').any(|known| known == code);
        known.then(|| Self(code.to_owned())).ok_or(NotACountry)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_codes_that_are_assigned_are_countries() {
        assert!(["DE", "AD", "ZW", "GB"].iter().all(|code| code.parse::<Country>().is_ok()));
        for code in ["", " ", "de", "DEU", "XX", "EU", "UK", "D", "DE DJ", "Germany"] {
            assert_eq!(code.parse::<Country>(), Err(NotACountry), "{code}");
        }
        let codes: Vec<_> = CODES.split(' ').collect();
        assert!(codes.len() == 249 && codes.is_sorted_by(|one, next| one < next));
    }
}
