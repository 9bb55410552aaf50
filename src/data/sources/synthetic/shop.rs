//! The offer of the generated shop: categories, and items that appear and are replaced.
//!
//! The shop has a fixed number of *slots*. Slot `s` belongs to category `s mod categories` and has
//! popularity rank `s / categories` there. Items are replaced one after the other, in rounds over
//! the slots, in an order that mixes categories and ranks; a new item inherits only the slot's
//! rank. Items are numbered in the order of their appearance: the first ones by slot, replacement
//! `r` is item `slots + r`. So the ids have no gaps and everything about an item follows from its
//! id.

use super::alias::Alias;
use super::config::Config;
use super::draws::{Draws, FACTORS, Latent, Normal, below};
use super::drift::Course;
use crate::base::{Purpose, Streams};

/// Inequality of the categories: popularity falls with rank r as r^-0.5.
const CATEGORY_EXPONENT: f64 = 0.5;
/// Weight of the category's direction in the character of an item; the rest of the variance is
/// its own.
const CATEGORY_WEIGHT: f32 = 0.8;
/// Distinguishes drifting items from drifting users in the name of a draw.
const ITEM_DRIFT: u64 = 1 << 40;
/// Multiples of the golden ratio, modulo one, are spread as evenly as possible.
const GOLDEN: f64 = 0.618_033_988_749_895;
/// The fixed data of this many first items are computed once; calibrating a log needs as many.
pub(super) const LISTED: u64 = 1 << 16;

/// Categories and slots, and items as functions of their id.
#[derive(Clone, Debug)]
pub(super) struct Shop {
    streams: Streams,
    normal: Normal,
    slots: u32,
    brands: u32,
    /// Items replaced before each day began.
    replaced: Vec<u64>,
    order: SlotPermutation,
    /// Turns of the first slots.
    turns: Vec<u32>,
    popularity: Alias,
    ranks: Alias,
    /// Direction of each category in the space of tastes.
    directions: Vec<Latent>,
    /// The first items.
    listed: Vec<Item>,
}

/// The fixed data of an item.
#[derive(Clone, Copy, Debug)]
pub(super) struct Item {
    /// Its category.
    pub(super) category: u32,
    /// Its brand.
    pub(super) brand: u32,
    /// Its character: unit variance per factor.
    pub(super) character: Latent,
    /// Its quality.
    pub(super) quality: Course,
}

impl Shop {
    /// The shop that a configuration describes.
    pub(super) fn new(config: &Config, streams: Streams) -> Shop {
        let normal = Normal::new();
        let direction = |category: u32| {
            let key = streams.key(Purpose::Category, u64::from(category), 0);
            normal.latent(&mut Draws::new(key))
        };
        let order = SlotPermutation::new(config.items, streams.key(Purpose::Item, u64::MAX, 0));
        let slots = u64::from(config.items).min(LISTED) as u32;
        let mut shop = Shop {
            streams,
            slots: config.items,
            brands: config.brands,
            replaced: (0..config.days).map(|day| config.replacements_before(day)).collect(),
            order,
            turns: (0..slots).map(|slot| order.of_slot(slot) as u32).collect(),
            popularity: Alias::power_law(config.categories, 1.0, CATEGORY_EXPONENT),
            ranks: Alias::power_law(
                config.items.div_ceil(config.categories),
                1.0,
                config.item_exponent,
            ),
            directions: (0..config.categories).map(direction).collect(),
            normal,
            listed: Vec::new(),
        };
        shop.listed = (0..config.item_ids().min(LISTED) as u32).map(|id| shop.made(id)).collect();
        shop
    }

    /// The normal variates of everything in the shop.
    pub(super) fn normal(&self) -> &Normal {
        &self.normal
    }

    /// Number of categories.
    pub(super) fn categories(&self) -> u32 {
        self.directions.len() as u32
    }

    /// A category by overall popularity.
    pub(super) fn popular_category(&self, word: u64) -> u32 {
        self.popularity.pick(word)
    }

    /// Direction of a category in the space of tastes.
    pub(super) fn direction(&self, category: u32) -> &Latent {
        &self.directions[category as usize]
    }

    /// A slot of a category by popularity.
    pub(super) fn draw_slot(&self, category: u32, draws: &mut Draws) -> u32 {
        let slot =
            u64::from(self.ranks.draw(draws)) * u64::from(self.categories()) + u64::from(category);
        // The last rank exists in some categories only; the others give its share to the rank
        // above.
        if slot < u64::from(self.slots) {
            slot as u32
        } else {
            (slot - u64::from(self.categories())) as u32
        }
    }

    /// The item in a slot on a day (0-based; before the log began, the slot's first item).
    pub(super) fn item_on(&self, slot: u32, day: i64) -> u32 {
        let replaced = self.replaced[day.max(0) as usize];
        let listed = self.turns.get(slot as usize);
        let turn = listed.map_or_else(|| self.order.of_slot(slot), |&turn| u64::from(turn));
        if replaced <= turn {
            return slot;
        }
        let (slots, since) = (u64::from(self.slots), replaced - 1 - turn);
        // Mostly, no slot was emptied twice.
        let rounds = if since < slots { 0 } else { since / slots };
        self.slots + (turn + rounds * slots) as u32
    }

    /// The category of an item.
    fn category_by_turn(&self, item: u32) -> u32 {
        let slot = match item.checked_sub(self.slots) {
            None => item,
            Some(replacement) => self.order.slot(replacement),
        };
        slot % self.categories()
    }

    /// The result of `of` for the fixed data of an item. (Returning a copy costs more than the
    /// access.)
    pub(super) fn item<T>(&self, id: u32, of: impl Fn(&Item) -> T) -> T {
        match self.listed.get(id as usize) {
            Some(item) => of(item),
            None => of(&self.made(id)),
        }
    }

    /// Draws an item.
    fn made(&self, id: u32) -> Item {
        let mut draws = Draws::new(self.streams.key(Purpose::Item, u64::from(id), 0));
        let own_weight = (1.0 - CATEGORY_WEIGHT * CATEGORY_WEIGHT).sqrt();
        let category = self.category_by_turn(id);
        let direction = self.direction(category);
        let mut character = self.normal.latent(&mut draws);
        for i in 0..FACTORS {
            character[i] = CATEGORY_WEIGHT * direction[i] + own_weight * character[i];
        }
        // The square makes brands with small numbers the larger ones.
        let u = draws.unit();
        let brand = below(((u * u) * 18_446_744_073_709_551_616.0) as u64, self.brands);
        let name = ITEM_DRIFT | u64::from(id);
        let knots = Draws::new(self.streams.key(Purpose::Drift, name, 0));
        Item { category, brand, character, quality: Course { phase: draws.unit(), knots } }
    }
}

/// The order in which slots get a new item: an affine permutation `slot = (turn x stride + first)
/// mod slots`.
#[derive(Clone, Copy, Debug)]
struct SlotPermutation {
    slots: u64,
    stride: u64,
    first: u64,
    /// `stride x inverse = 1 (mod slots)`.
    inverse: u64,
}

impl SlotPermutation {
    fn new(slots: u32, key: u64) -> SlotPermutation {
        let first = u64::from(below(key, slots));
        let slots = u64::from(slots);
        let near = (slots as f64 * GOLDEN) as u64;
        let (stride, inverse) = (near.max(1)..)
            .find_map(|stride| Some((stride, inverse_modulo(stride, slots)?)))
            .expect("slots x k + 1 is coprime to slots");
        SlotPermutation { slots, stride, first, inverse }
    }

    /// The turn of a slot within a round.
    fn of_slot(self, slot: u32) -> u64 {
        (u64::from(slot) + self.slots - self.first) % self.slots * self.inverse % self.slots
    }

    /// The slot of a replacement.
    fn slot(self, replacement: u32) -> u32 {
        let turn = u64::from(replacement) % self.slots;
        ((turn * self.stride + self.first) % self.slots) as u32
    }
}

/// The inverse of `a` modulo `n` by Euclid's algorithm; none if they have a common divisor.
fn inverse_modulo(a: u64, n: u64) -> Option<u64> {
    let (mut r, mut next_r) = (n as i64, (a % n) as i64);
    let (mut t, mut next_t) = (0i64, 1i64);
    while next_r != 0 {
        let quotient = r / next_r;
        (r, next_r) = (next_r, r - quotient * next_r);
        (t, next_t) = (next_t, t - quotient * next_t);
    }
    (r == 1).then(|| t.rem_euclid(n as i64) as u64)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shop(churn: f64) -> Shop {
        let config = Config { item_churn_per_day: churn, ..Config::default() };
        Shop::new(&config, Streams::new(4))
    }

    #[test]
    fn the_share_of_items_replaced_per_day_is_the_churn() {
        let shop = shop(0.02);
        for day in 1..14 {
            let replaced = (0..2000)
                .filter(|&slot| shop.item_on(slot, day) != shop.item_on(slot, day - 1))
                .count();
            assert_eq!(replaced, 40, "day {day}");
        }
    }

    #[test]
    fn no_item_comes_back_and_none_was_new_before_the_log() {
        let shop = shop(0.4);
        for slot in 0..2000 {
            assert_eq!(shop.item_on(slot, -30), slot);
            let ids: Vec<u32> = (0..14).map(|day| shop.item_on(slot, day)).collect();
            assert!(ids.is_sorted());
            assert!(ids.iter().all(|id| shop.item(*id, |i| i.category) == slot % 30));
        }
    }

    #[test]
    fn every_item_id_is_on_offer_on_some_day() {
        let shop = shop(0.4);
        let slots = (0..14).flat_map(|day| (0..2000).map(move |slot| (slot, day)));
        let mut ids: Vec<u32> = slots.map(|(slot, day)| shop.item_on(slot, day)).collect();
        ids.sort_unstable();
        ids.dedup();
        let all = 2000 + 40 * 20 * 13;
        assert_eq!(ids, (0..all).collect::<Vec<u32>>());
    }

    #[test]
    fn turns_are_a_permutation_for_any_number_of_slots() {
        for slots in [2, 3, 4, 6, 30, 97, 1000, 1024] {
            let order = SlotPermutation::new(slots, 0x1234_5678_9abc_def0);
            for replacement in 0..slots {
                let slot = order.slot(replacement);
                assert!(slot < slots);
                assert_eq!(order.of_slot(slot), u64::from(replacement), "{slots}");
            }
        }
    }

    #[test]
    fn popularity_within_a_category_is_a_power_law() {
        let shop = shop(0.0);
        let mut draws = Draws::new(2);
        let mut counts = [0.0; 2000];
        for _ in 0..200_000 {
            counts[shop.draw_slot(7, &mut draws) as usize] += 1.0;
        }
        for (rank, expected) in [(1, 0.5), (3, 0.25), (9, 0.1)] {
            let ratio: f64 = counts[7 + 30 * rank] / counts[7];
            assert!((ratio - expected).abs() < 0.1 * expected, "{rank}: {ratio}");
        }
        assert_eq!(counts.iter().filter(|c| **c > 0.0).count(), 67);
    }

    #[test]
    fn likeness_is_higher_within_a_category() {
        let shop = shop(0.0);
        let mean_product = |step: u32| {
            let mut sum = 0.0;
            for id in 0..1000 {
                let character = |id| shop.item(id, |item| item.character);
                let (a, b) = (character(id), character(id + step));
                sum += f64::from(super::super::draws::dot(&a, &b)) / 8.0;
            }
            sum / 1000.0
        };
        assert!(mean_product(30) > 0.4, "{}", mean_product(30));
        assert!(mean_product(1) < 0.2, "{}", mean_product(1));
    }
}
