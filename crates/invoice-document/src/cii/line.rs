//! A line (BG-25).

use super::{category, period, plain, rate};
use crate::{
    model::{Currency, Line, Price},
    xml::Xml,
};
use rust_decimal::Decimal;

/// "One", in UN/ECE Recommendation 20.
const ONE: &str = "C62";

pub(super) fn write(xml: &mut Xml, number: usize, line: &Line, currency: &Currency) {
    let pricing = Pricing::of(line, currency);
    xml.group("ram:IncludedSupplyChainTradeLineItem", |xml| {
        xml.group("ram:AssociatedDocumentLineDocument", |xml| xml.leaf("ram:LineID", number.to_string()));
        xml.group("ram:SpecifiedTradeProduct", |xml| {
            xml.leaf("ram:Name", &line.description);
            if !line.details.is_empty() {
                xml.leaf("ram:Description", line.details.join("; "));
            }
        });
        pricing.write(xml);
        xml.group("ram:SpecifiedLineTradeDelivery", |xml| {
            xml.leaf_with("ram:BilledQuantity", &[("unitCode", pricing.unit)], plain(pricing.quantity));
        });
        xml.group("ram:SpecifiedLineTradeSettlement", |xml| {
            xml.group("ram:ApplicableTradeTax", |xml| {
                xml.leaf("ram:TypeCode", "VAT");
                xml.leaf("ram:CategoryCode", category(line.tax.category));
                xml.optional("ram:RateApplicablePercent", rate(line.tax).as_deref());
            });
            period(xml, line.period);
            xml.group("ram:SpecifiedTradeSettlementLineMonetarySummation", |xml| {
                xml.leaf("ram:LineTotalAmount", currency.major(line.amount_minor).to_string());
            });
        });
    });
}

/// Quantity and price as EN 16931 wants them: each line has a price, which is not negative, and what it is for.
struct Pricing<'a> {
    quantity: Decimal,
    unit: &'a str,
    price: Decimal,
    /// The price is for so many units (BT-149).
    base: Option<Decimal>,
}

impl<'a> Pricing<'a> {
    fn of(line: &'a Line, currency: &Currency) -> Self {
        let amount = currency.major(line.amount_minor);
        match line.price {
            Price::Unit(price) => Self { quantity: line.quantity, unit: &line.unit.code, price, base: None },
            // No unit has a price of its own, but all of them together have.
            Price::Components
                if line.quantity.is_sign_negative() == amount.is_sign_negative() && !line.quantity.is_zero() =>
            {
                Self {
                    quantity: line.quantity,
                    unit: &line.unit.code,
                    price: amount.abs(),
                    base: Some(line.quantity.abs()),
                }
            }
            // A minimum without usage, or a credit that counts what it is for: once the amount.
            Price::Components => {
                let once = if amount.is_sign_negative() { Decimal::NEGATIVE_ONE } else { Decimal::ONE };
                Self { quantity: once, unit: ONE, price: amount.abs(), base: None }
            }
        }
    }

    fn write(&self, xml: &mut Xml) {
        xml.group("ram:SpecifiedLineTradeAgreement", |xml| {
            xml.group("ram:NetPriceProductTradePrice", |xml| {
                xml.leaf("ram:ChargeAmount", plain(self.price));
                if let Some(base) = self.base {
                    xml.leaf_with("ram:BasisQuantity", &[("unitCode", self.unit)], plain(base));
                }
            });
        });
    }
}
