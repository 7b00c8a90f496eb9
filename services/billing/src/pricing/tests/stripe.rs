//! The examples that Stripe publishes.

use super::{cents, charge, exact};
use serde_json::{Value, json};

// https://docs.stripe.com/subscriptions/pricing-models/tiered-pricing (as of 12 May 2026): Typographic's fonts, first
// tier 1-5 at 7 USD, second tier 6-10 at 6.5 USD, third tier 11+ at 6 USD.
fn fonts(model: &str) -> Value {
    let tiers = json!([{"up_to": "5", "price": "7"}, {"up_to": "10", "price": "6.5"}, {"price": "6"}]);
    json!({"model": model, "tiers": tiers})
}

// Same page, "Volume-based pricing": the table of total monthly costs.
#[test]
fn volume_pricing_of_fonts() {
    let fonts = charge(fonts("volume"));
    let totals = ["1", "5", "6", "20", "25"].map(|used| exact(&fonts, used));
    assert_eq!(totals, ["7", "35", "39", "120", "150"]);
}

// Same page, "Graduated pricing": the table of totals.
#[test]
fn graduated_pricing_of_fonts() {
    let fonts = charge(fonts("graduated"));
    let totals = ["1", "5", "6", "20", "25"].map(|used| exact(&fonts, used));
    assert_eq!(totals, ["7", "35", "41.5", "127.5", "157.5"]);
}

// Same page, "Add a flat rate": five tiers, each with a fee. A quantity of 12 is billed 66 USD by volume and 111 USD
// graduated; "if quantity is 0, the total amount is 10 USD regardless of the tiered pricing model used".
#[test]
fn tiers_with_a_flat_fee() {
    let tiers = json!([
        {"up_to": "5", "price": "5", "flat": "10"},
        {"up_to": "10", "price": "4", "flat": "20"},
        {"up_to": "15", "price": "3", "flat": "30"},
        {"up_to": "20", "price": "2", "flat": "40"},
        {"price": "1", "flat": "50"},
    ]);
    let [volume, graduated] = ["volume", "graduated"].map(|model| charge(json!({"model": model, "tiers": tiers})));
    assert_eq!([cents(&volume, "12"), cents(&volume, "0")], [6600, 1000]);
    assert_eq!([cents(&graduated, "12"), cents(&graduated, "0")], [11100, 1000]);
}

// https://docs.stripe.com/billing/subscriptions/usage-based/manage-billing-setup, "Transform quantities" (as of 5 May
// 2026): minutes divided by 60 and rounded up, 10 USD an hour; "150 minutes […] is charged 30 USD".
#[test]
fn a_package_that_was_begun_counts() {
    let car_rental = charge(json!({"model": "package", "size": "60", "price": "10"}));
    assert_eq!(cents(&car_rental, "150"), 3000);
    assert_eq!(["120", "120.5", "121", "1", "0"].map(|used| cents(&car_rental, used)), [2000, 3000, 3000, 1000, 0]);
}
