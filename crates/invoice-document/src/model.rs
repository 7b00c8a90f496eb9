//! What an invoice or a credit note says. Names in brackets are the business terms of EN 16931-1, such as BT-1.
//!
//! Amounts are whole minor units of the document's currency (cents). Quantities, prices and rates are decimals.

use chrono::NaiveDate;
use rust_decimal::Decimal;

/// An invoice or a credit note, priced and totalled. Nothing here is computed: what does not add up is refused.
#[derive(Clone, Debug, PartialEq)]
pub struct Invoice {
    pub kind: Kind,
    /// BT-1.
    pub number: String,
    /// BT-2.
    pub issued_on: NaiveDate,
    /// BT-9.
    pub due_on: Option<NaiveDate>,
    /// What is billed was used in this time (BG-14).
    pub period: Option<Period>,
    /// BT-5.
    pub currency: Currency,
    /// BG-4.
    pub seller: Party,
    /// BG-7.
    pub buyer: Party,
    /// What the buyer asked to be quoted, such as a cost centre or a German Leitweg-ID (BT-10).
    pub buyer_reference: Option<String>,
    /// The buyer's order (BT-13).
    pub order_reference: Option<String>,
    /// BG-25, in the order in which they are numbered and printed.
    pub lines: Vec<Line>,
    /// Discounts and surcharges of the whole document (BG-20, BG-21).
    pub adjustments: Vec<Adjustment>,
    /// BG-23: one for each category and rate that occurs in lines and adjustments.
    pub taxes: Vec<TaxGroup>,
    /// BG-22.
    pub totals: Totals,
    pub payment: Payment,
    /// BT-22. A newline begins a new paragraph.
    pub notes: Vec<String>,
}

impl Invoice {
    /// Whether the buyer has to pay. Where not, a document does not say whereto.
    pub(crate) fn asks_for_payment(&self) -> bool {
        self.kind == Kind::Invoice && self.totals.due_minor > 0
    }
}

/// BT-3, by the codes of UNTDID 1001.
#[derive(Clone, Debug, PartialEq)]
pub enum Kind {
    /// 380.
    Invoice,
    /// 381. Its amounts are what the buyer gets back, and so positive.
    CreditNote { corrects: Reference },
}

/// An earlier invoice (BG-3).
#[derive(Clone, Debug, PartialEq)]
pub struct Reference {
    /// BT-25.
    pub number: String,
    /// BT-26.
    pub issued_on: Option<NaiveDate>,
}

/// Days, both included.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Period {
    pub first: NaiveDate,
    pub last: NaiveDate,
}

/// ISO 4217.
#[derive(Clone, Debug, PartialEq)]
pub struct Currency {
    /// Three capitals, such as `EUR`.
    pub code: String,
    /// Decimal places of the minor unit: 2 for EUR, 0 for JPY, 3 for KWD.
    pub exponent: u32,
}

impl Currency {
    /// In major units, with every decimal place of the currency.
    pub fn major(&self, minor: i64) -> Decimal {
        Decimal::new(minor, self.exponent)
    }
}

/// Who sells, or who buys.
#[derive(Clone, Debug, PartialEq)]
pub struct Party {
    /// The legal name (BT-27, BT-44).
    pub name: String,
    pub address: Address,
    /// With the prefix of its country, such as `DE123456789` (BT-31, BT-48).
    pub vat_id: Option<String>,
    /// The seller's number at its local tax office (BT-32); not written for a buyer, for whom EN 16931 has none.
    pub tax_number: Option<String>,
    /// In a register of companies (BT-30, BT-47).
    pub registration: Option<String>,
    /// Where electronic documents arrive (BT-34, BT-49).
    pub email: Option<String>,
}

/// BG-5, BG-8.
#[derive(Clone, Debug, PartialEq)]
pub struct Address {
    /// Street, and up to two more.
    pub lines: Vec<String>,
    pub postcode: Option<String>,
    pub city: String,
    pub country: Country,
}

#[derive(Clone, Debug, PartialEq)]
pub struct Country {
    /// ISO 3166-1 alpha-2.
    pub code: String,
    /// As printed.
    pub name: String,
}

/// BG-25.
#[derive(Clone, Debug, PartialEq)]
pub struct Line {
    /// BT-153.
    pub description: String,
    /// What the line is made of, one printed row each: instances, tiers, a discount (BT-154).
    pub details: Vec<String>,
    /// BG-26.
    pub period: Option<Period>,
    /// BT-129; negative where something is taken back.
    pub quantity: Decimal,
    pub unit: Unit,
    pub price: Price,
    pub tax: Tax,
    /// Without VAT (BT-131).
    pub amount_minor: i64,
}

#[derive(Clone, Debug, PartialEq)]
pub struct Unit {
    /// UN/ECE Recommendation 20, such as `HUR` (hour) or `C62` (one) (BT-130).
    pub code: String,
    /// As printed.
    pub name: String,
}

/// What one unit costs.
#[derive(Clone, Debug, PartialEq)]
pub enum Price {
    /// Major units of the currency, not negative (BT-146).
    Unit(Decimal),
    /// No single price leads to the amount (tiers, a minimum): `details` say what does.
    Components,
}

/// How a line or an adjustment is taxed.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Tax {
    pub category: TaxCategory,
    /// Percent; zero in every category but [`TaxCategory::Standard`].
    pub rate: Decimal,
}

/// Categories of VAT by UNTDID 5305, as far as services need them: there are no intra-community supplies of goods, and no
/// taxes of the Canary Islands, Ceuta and Melilla.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum TaxCategory {
    /// S, with any rate above zero.
    Standard,
    /// Z.
    ZeroRated,
    /// E.
    Exempt,
    /// AE: the buyer owes the tax.
    ReverseCharge,
    /// G: outside of the Union.
    Export,
    /// O.
    NotSubject,
}

/// A discount or a surcharge of the whole document.
#[derive(Clone, Debug, PartialEq)]
pub struct Adjustment {
    pub kind: AdjustmentKind,
    /// As printed (BT-97, BT-104).
    pub reason: String,
    /// Without VAT, not negative (BT-92, BT-99).
    pub amount_minor: i64,
    pub tax: Tax,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AdjustmentKind {
    /// BG-20.
    Allowance,
    /// BG-21.
    Charge,
}

/// All that is taxed alike (BG-23).
#[derive(Clone, Debug, PartialEq)]
pub struct TaxGroup {
    pub tax: Tax,
    /// BT-116.
    pub taxable_minor: i64,
    /// BT-117.
    pub tax_minor: i64,
    /// Why nothing is owed: needed in all categories but `Standard` and `ZeroRated` (BT-120).
    pub exemption_reason: Option<String>,
}

/// BG-22.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Totals {
    /// BT-106.
    pub lines_minor: i64,
    /// BT-107.
    pub allowances_minor: i64,
    /// BT-108.
    pub charges_minor: i64,
    /// BT-109.
    pub without_tax_minor: i64,
    /// BT-110.
    pub tax_minor: i64,
    /// BT-112.
    pub with_tax_minor: i64,
    /// BT-113.
    pub prepaid_minor: i64,
    /// BT-115.
    pub due_minor: i64,
}

/// How and when to pay.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Payment {
    /// BT-20.
    pub terms: Option<String>,
    /// BG-17.
    pub transfer: Option<Transfer>,
    /// A page on which to pay (`https://…`). EN 16931 has no term for it; it is added to the terms.
    pub link: Option<String>,
    /// What the buyer quotes (BT-83).
    pub reference: Option<String>,
}

#[derive(Clone, Debug, PartialEq)]
pub struct Transfer {
    /// BT-85.
    pub account_holder: String,
    /// ISO 13616, without spaces (BT-84).
    pub iban: String,
    /// BT-86.
    pub bic: Option<String>,
}
