//! Tests of saved state.

use super::*;
use proptest::prelude::*;

#[derive(Debug, Default, PartialEq)]
struct TestPart {
    size: u32,
    weights: Vec<f32>,
    held: Option<(u64, bool)>,
    by_row: BTreeMap<(u64, u32), VecDeque<u8>>,
}

// The scenario says `size`.
crate::persist!(TestPart { size: fixed, weights: state, held: state, by_row: state });

fn saved(part: &impl Persist) -> Vec<u8> {
    let mut out = Saver::default();
    part.save(&mut out);
    out.into_bytes()
}

#[test]
fn state_replaces_state_and_the_rest_stays() {
    let mut one = TestPart { size: 3, weights: vec![1.5, f32::NAN], ..TestPart::default() };
    one.by_row.insert((1, 2), VecDeque::from([7]));
    let bytes = saved(&one);
    let mut other = TestPart { size: 4, held: Some((9, true)), ..TestPart::default() };
    let mut from = Loader::new(&bytes);
    other.load(&mut from).unwrap();
    from.end().unwrap();
    assert_eq!((other.size, other.held), (4, None));
    assert_eq!(other.weights[1].to_bits(), f32::NAN.to_bits());
    assert_eq!(saved(&other), bytes);
}

#[derive(Debug, Default, PartialEq)]
struct Roles {
    one: u32,
    several: Option<Box<u32>>,
    said: Option<u8>,
    by_scenario: u32,
    buffer: Vec<u8>,
    away: Option<u64>,
    doubled: u32,
}

crate::persist!(Roles {
    one: state,
    several: each,
    said: plain,
    by_scenario: fixed,
    buffer: scratch,
    away: emptied,
    doubled: via(
        |out| (*doubled * 2).save(out),
        |from| {
            doubled.load(from)?;
            *doubled /= 2;
            Ok(())
        },
    ),
});

#[test]
fn every_role_does_what_it_says() {
    let roles = |n: u32| Roles {
        one: n,
        several: Some(Box::new(n)),
        said: Some(n as u8),
        by_scenario: n,
        buffer: vec![n as u8],
        away: Some(n.into()),
        doubled: n,
    };
    let bytes = saved(&roles(7));
    assert_eq!(bytes, [7, 0, 0, 0, 7, 0, 0, 0, 1, 7, 14, 0, 0, 0]);
    let mut other = roles(1);
    other.load(&mut Loader::new(&bytes)).unwrap();
    let expected = Roles { by_scenario: 1, buffer: vec![1], away: None, ..roles(7) };
    assert_eq!(other, expected);
    // The scenario says whether there are several.
    let none = Roles { several: None, ..roles(3) };
    let mut other = Roles { several: None, ..roles(1) };
    other.load(&mut Loader::new(&saved(&none))).unwrap();
    assert_eq!((other.one, other.several), (3, None));
}

proptest! {
    #[test]
    fn a_heap_hands_out_the_same_after_loading(elements: Vec<(u64, u32)>) {
        let mut heap: BinaryHeap<_> = elements.into_iter().map(Reverse).collect();
        let mut other = BinaryHeap::from([Reverse((1, 2))]);
        other.load(&mut Loader::new(&saved(&heap))).unwrap();
        while let Some(first) = heap.pop() {
            prop_assert_eq!(other.pop(), Some(first));
        }
        prop_assert!(other.is_empty());
    }
}

#[test]
fn what_is_spilled_is_what_would_be_collected() {
    let part = TestPart { weights: vec![0.25; CHUNK], ..TestPart::default() };
    let (mut pieces, mut spilled) = (0, Vec::new());
    let mut out = Saver::spilling(|bytes| {
        pieces += 1;
        spilled.extend_from_slice(bytes);
    });
    part.save(&mut out);
    out.finish();
    assert_eq!(spilled, saved(&part));
    assert!(pieces > 3);
}

proptest! {
    #[test]
    fn what_is_cut_off_is_refused_and_never_a_panic(
        weights: Vec<f32>, held: Option<(u64, bool)>, cut in 0usize..200
    ) {
        let part = TestPart { size: 0, weights, held, by_row: BTreeMap::new() };
        let bytes = saved(&part);
        let cut = cut.min(bytes.len());
        let mut from = Loader::new(&bytes[..cut]);
        let outcome = TestPart::default().load(&mut from);
        prop_assert_eq!(outcome.is_ok() && from.end().is_ok(), cut == bytes.len());
    }

    #[test]
    fn nonsense_is_answered(bytes: Vec<u8>) {
        let mut part = TestPart::default();
        if part.load(&mut Loader::new(&bytes)).is_ok() {
            prop_assert!(saved(&part).len() <= bytes.len() + 64);
        }
    }
}
