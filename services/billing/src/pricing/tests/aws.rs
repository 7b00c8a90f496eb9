//! Bills that AWS publishes, in US dollars of us-east-1. Its TB is 1024 GB.

use super::{super::billable_seconds, amounts, cents, charge, decimal, exact, quantity};
use chrono::DateTime;
use rust_decimal::Decimal;
use serde_json::json;

// https://aws.amazon.com/s3/faqs/, "How will I be charged and billed for my use of Amazon S3?": the storage example,
// 52,900 GB-months are $1,177.60 + $37.40 = $1,215.00. The third tier is of AWS's price list (AmazonS3, us-east-1:
// 0-51200 GB, 51200-512000 GB, above), where boundaries but no totals are published.
#[test]
fn storage_of_s3_standard() {
    let tiers = [("51200", "0.023"), ("512000", "0.022")].map(|(up_to, price)| json!({"up_to": up_to, "price": price}));
    let [first, next] = tiers;
    let storage = charge(json!({"model": "graduated", "tiers": [first, next, {"price": "0.021"}]}));
    assert_eq!(amounts(&storage.price(quantity("52900")).unwrap()), ["1177.6", "37.4"]);
    assert_eq!(cents(&storage, "52900"), 121_500);
    assert_eq!(["51200", "512000", "513000"].map(|used| cents(&storage, used)), [117_760, 1_131_520, 1_133_620]);
}

// Same page, "Data Transfer Out Example": 62 TB are 63,488 GB; 10,239 GB × $0.09 = $921.51, 40,960 GB × $0.085 =
// $3,481.60, 12,288 GB × $0.070 = $860.16, together $5,263.27. There, the free GB is the first of the first 10 TB.
#[test]
fn data_transfer_out_whose_free_part_is_in_the_first_tier() {
    let transfer = charge(json!({"model": "graduated", "tiers": [
        {"up_to": "1", "price": "0"},
        {"up_to": "10240", "price": "0.09"},
        {"up_to": "51200", "price": "0.085"},
        {"up_to": "153600", "price": "0.07"},
        {"price": "0.05"},
    ]}));
    assert_eq!(amounts(&transfer.price(quantity("63488")).unwrap()), ["0", "921.51", "3481.6", "860.16"]);
    assert_eq!(cents(&transfer, "63488"), 526_327);
}

// https://aws.amazon.com/s3/pricing/ (as of September 2026): the first 100 GB a month are free. AWS's price list
// (AWSDataTransfer, as of July 2026) has the first 10 TB "beyond the global free tier" at $0.09, the next 40 TB at
// $0.085, the next 100 TB at $0.07, and $0.05 over 150 TB. No totals are published: these follow from the list.
#[test]
fn data_transfer_out_beyond_what_is_included() {
    let transfer = charge(json!({"model": "graduated", "included": "100", "tiers": [
        {"up_to": "10240", "price": "0.09"},
        {"up_to": "51200", "price": "0.085"},
        {"up_to": "153600", "price": "0.07"},
        {"price": "0.05"},
    ]}));
    let ends = ["100", "101", "10340", "51300", "153700", "153701"];
    assert_eq!(ends.map(|used| cents(&transfer, used)), [0, 9, 92_160, 440_320, 1_157_120, 1_157_125]);
}

// Same FAQ, "Request Example": 310,000 requests × $0.005/1,000 = $1.55; 620,000 requests × $0.004/10,000 = $0.25, which
// is $0.248 rounded.
#[test]
fn requests_of_s3() {
    let [put, get] = ["0.000005", "0.0000004"].map(|price| charge(json!({"model": "per_unit", "price": price})));
    assert_eq!([cents(&put, "310000"), cents(&get, "620000")], [155, 25]);
    assert_eq!(exact(&get, "620000"), "0.248");
}

// https://aws.amazon.com/about-aws/whats-new/2017/10/announcing-amazon-ec2-per-second-billing/ (2 October 2017): Linux
// is "billed on one second increments, with a minimum of 60 seconds"; prices "are still listed on a per-hour basis, but
// bills are calculated down to the second". $0.096 is the m5.large of AWS's price list (AmazonEC2, Linux, 9 July 2020).
// No totals are published: these follow from the rule.
#[test]
fn seconds_of_ec2_with_a_minute_each_launch() {
    let instance = charge(json!({"model": "per_hour", "price": "0.096", "minimum_seconds": 60}));
    let at = |second: i64| DateTime::from_timestamp(1_800_000_000 + second, 0).unwrap();
    let launch = |begin, end| billable_seconds(at(begin), at(0), at(end), instance.minimum_seconds());
    let bill = |seconds: Decimal| exact(&instance, &seconds.to_string());
    assert_eq!([launch(0, 20), launch(0, 60), launch(0, 61)], ["60", "60", "61"].map(decimal));
    assert_eq!([bill(launch(0, 20)), bill(launch(0, 61)), bill(launch(0, 3600))], ["0.0016", "5.856/3600", "0.096"]);
    assert_eq!(bill(launch(0, 20) + launch(30, 50)), "0.0032", "two launches in one minute are two minutes");
}

// https://aws.amazon.com/fargate/pricing/, "Pricing Examples" 1 and 3: 5 tasks of 600 s on 30 days with 1 vCPU and 2 GB
// are $1.01 and $0.22; 10 pods of 3600 s on 30 days with 0.25 vCPU and 1 GB are $3.04 and $1.33. An hour costs $0.04048
// a vCPU and $0.004445 a GB (https://vantage.sh/blog/fargate-pricing; the page computes with rounded seconds).
#[test]
fn seconds_of_fargate_at_the_price_of_an_hour() {
    let [cpu, memory] = ["0.04048", "0.004445"]
        .map(|price| charge(json!({"model": "per_hour", "price": price, "minimum_seconds": 60})));
    assert_eq!([cents(&cpu, "90000"), cents(&memory, "180000")], [101, 22]);
    assert_eq!([cents(&cpu, "270000"), cents(&memory, "1080000")], [304, 133]);
}

// Same page, examples 1, 2 and 4, which multiply seconds with the price of one.
#[test]
fn seconds_of_fargate_at_the_price_of_a_second() {
    let bill = |price: &str, seconds: &str| cents(&charge(json!({"model": "per_unit", "price": price})), seconds);
    assert_eq!(
        [bill("0.000011244", "90000"), bill("0.000001235", "180000"), bill("0.0000000308", "900000")],
        [101, 22, 3]
    );
    assert_eq!([bill("0.0000089944", "90000"), bill("0.0000009889", "180000")], [81, 18]);
    assert_eq!(
        [bill("0.0000254167", "1080000"), bill("0.0000127778", "1080000"), bill("0.0000027778", "2160000")],
        [2745, 1380, 600]
    );
}
