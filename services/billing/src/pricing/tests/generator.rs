//! Charges and quantities at random, the same in each run.

use super::super::{Charge, Model, Quantity, Tier};
use rust_decimal::Decimal;

/// SplitMix64 (Steele, Lea, Flood 2014, <https://doi.org/10.1145/2714064.2660195>).
pub struct Generator(pub u64);

impl Generator {
    pub fn below(&mut self, bound: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut bits = self.0;
        bits = (bits ^ (bits >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        bits = (bits ^ (bits >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        (bits ^ (bits >> 31)) % bound
    }

    /// Below `bound`, with up to `places` decimal places.
    pub fn decimal(&mut self, bound: u64, places: u64) -> Decimal {
        let places = u32::try_from(self.below(places + 1)).unwrap();
        Decimal::new(i64::try_from(self.below(bound * 10_u64.pow(places))).unwrap(), places)
    }

    /// Often at or near the end of a tier, which are whole numbers.
    pub fn quantity(&mut self) -> Quantity {
        let places = if self.below(2) == 0 { 0 } else { 6 };
        self.decimal(200, places).try_into().unwrap()
    }

    pub fn tiers(&mut self, flat: bool) -> Vec<Tier> {
        let mut end = Decimal::ZERO;
        let last = self.below(6);
        let tier = |number| {
            end += Decimal::from(1 + self.below(30));
            let up_to = (number < last).then_some(end);
            let flat = if flat && self.below(2) == 0 { self.decimal(100, 2) } else { Decimal::ZERO };
            Tier { up_to, price: self.decimal(10, 6), flat }
        };
        (0..=last).map(tier).collect()
    }

    /// One of the models whose prices never fall when the quantity grows.
    pub fn rising(&mut self) -> Model {
        let price = self.decimal(10, 6);
        match self.below(5) {
            0 => Model::Flat { amount: price },
            1 => Model::PerUnit { price },
            2 => Model::Graduated { tiers: self.tiers(true) },
            3 => Model::Package { size: self.decimal(50, 3) + Decimal::ONE, price },
            _ => Model::PerHour { price, minimum_seconds: 60 },
        }
    }

    pub fn model(&mut self) -> Model {
        if self.below(4) == 0 { Model::Volume { tiers: self.tiers(true) } } else { self.rising() }
    }

    /// With included quantity and a minimum, each in half of the cases.
    pub fn charge(&mut self, model: Model) -> Charge {
        let flat = matches!(model, Model::Flat { .. });
        let mut some = |bound| if flat || self.below(2) == 0 { Decimal::ZERO } else { self.decimal(bound, 3) };
        Charge::new(model, some(40), some(400)).unwrap()
    }
}
