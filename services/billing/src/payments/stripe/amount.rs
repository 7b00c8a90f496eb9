//! Amounts as Stripe counts them (<https://docs.stripe.com/currencies>), which is not always as ISO 4217 does.

use crate::currency::Currency;

/// What Stripe charges at least (<https://docs.stripe.com/currencies#minimum-and-maximum-charge-amounts>), as it counts
/// it. Of a currency that is not listed Stripe says so itself, by `amount_too_small`.
const SMALLEST: [(&str, i64); 24] = [
    ("AED", 200),
    ("AUD", 50),
    ("BGN", 100),
    ("BRL", 50),
    ("CAD", 50),
    ("CHF", 50),
    ("CZK", 1500),
    ("DKK", 250),
    ("EUR", 50),
    ("GBP", 30),
    ("HKD", 400),
    ("HUF", 17_500),
    ("INR", 50),
    ("JPY", 50),
    ("MXN", 1000),
    ("MYR", 200),
    ("NOK", 300),
    ("NZD", 50),
    ("PLN", 200),
    ("RON", 200),
    ("SEK", 300),
    ("SGD", 50),
    ("THB", 1000),
    ("USD", 50),
];
/// Digits that Stripe takes at most.
const LARGEST: i64 = 99_999_999;

/// The amount to send; `None` if Stripe takes no such amount or currency, which is then paid by bank transfer.
pub fn amount(minor: i64, currency: &Currency) -> Option<i64> {
    let amount = match currency.code() {
        // A minor unit less than Stripe counts, for the sake of older programs.
        "ISK" => minor.checked_mul(100)?,
        // Whole units at Stripe, hundredths in ISO 4217.
        "MGA" => (minor % 100 == 0).then_some(minor / 100)?,
        // Stripe's list and its special cases differ by a factor of 100, or it does not have them.
        "UGX" | "IQD" | "LYD" | "CLF" | "UYW" | "UYI" => return None,
        // The last digit of three must be zero, and an invoice is never rounded.
        _ if currency.exponent() == 3 => (minor % 10 == 0).then_some(minor)?,
        _ => minor,
    };
    let smallest = SMALLEST.iter().find(|(code, _)| *code == currency.code()).map_or(1, |(_, smallest)| *smallest);
    (smallest..=LARGEST).contains(&amount).then_some(amount)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_currency_is_counted_as_stripe_does() {
        let sent = |code: &str, minor| amount(minor, &code.parse().unwrap());
        assert_eq!([sent("EUR", 1488), sent("JPY", 500), sent("ISK", 5)], [Some(1488), Some(500), Some(500)]);
        assert_eq!(
            [sent("KWD", 5120), sent("KWD", 5124), sent("MGA", 500), sent("MGA", 501)],
            [Some(5120), None, Some(5), None]
        );
        assert_eq!([sent("EUR", 0), sent("EUR", -5), sent("EUR", 100_000_000), sent("UGX", 5)], [None; 4]);
        assert_eq!(sent("ISK", i64::MAX), None);
    }

    #[test]
    fn what_is_below_stripes_minimum_is_not_charged() {
        for (code, smallest) in SMALLEST {
            let sent = [smallest - 1, smallest].map(|minor| amount(minor, &code.parse().unwrap()));
            assert_eq!(sent, [None, Some(smallest)], "{code}");
        }
    }
}
