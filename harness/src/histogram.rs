//! The latency histogram: single operations in nanoseconds, from which tails are read.
//!
//! An HdrHistogram with fixed bounds (1 ns … 1 hour, three significant digits: every value is kept to 0.1 %), so that
//! recording is an index computation and an increment and never allocates. The text form is HDR V2, deflated, in
//! base64, which the HdrHistogram tools of other languages read: <https://hdrhistogram.github.io/HdrHistogram/>.
//!
//! Texts from outside are untrusted: a few bytes can claim a histogram of gigabytes, so everything that decides an
//! allocation is checked before it is believed.

use std::io::Read;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use hdrhistogram::serialization::{Deserializer, Serializer, V2DeflateSerializer};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use thiserror::Error;

/// The smallest value that is told apart, in ns.
pub const MIN_NS: u64 = 1;
/// The largest value that is told apart, in ns: one hour. Longer operations are counted here and in
/// [`Histogram::saturated`].
pub const MAX_NS: u64 = 3_600_000_000_000;
/// The longest text that [`Histogram::from_base64`] accepts, in bytes. The bounds above make 33,792 counters of at most
/// 9 bytes each, which is 406 KiB in base64 if nothing compresses.
pub const MAX_TEXT_BYTES: usize = 512 * 1024;

const DIGITS: u8 = 3;
const MAX_PAYLOAD_BYTES: u64 = 512 * 1024;
const HEADER_BYTES: usize = 40;
/// Cookies of the HDR V2 format, plain and deflated, with word size 1 (HdrHistogram, `EncodableHistogram`).
const COOKIE: u32 = 0x1c84_9313;
const COOKIE_DEFLATED: u32 = 0x1c84_9314;
/// No counter and no sum beyond this is believed: 2^53 nanoseconds are 104 days of one-nanosecond operations.
const MAX_COUNT: i64 = 1 << 53;

/// Durations of single operations, in ns.
///
/// - Zero is recorded as 1 ns: it means "less than the clock tells", and the range starts at 1.
/// - Values above one hour are recorded as one hour and counted in [`saturated`](Self::saturated).
/// - It does not correct for coordinated omission.
#[derive(Clone, Debug, PartialEq)]
pub struct Histogram {
    inner: hdrhistogram::Histogram<u64>,
    saturated: u64,
}

impl Histogram {
    /// An empty histogram; allocates all its 264 KiB now.
    #[must_use]
    pub fn new() -> Self {
        let inner =
            hdrhistogram::Histogram::new_with_bounds(MIN_NS, MAX_NS, DIGITS).expect("the constant bounds are valid");
        Self { inner, saturated: 0 }
    }

    /// Counts one operation of `ns`; never allocates.
    #[inline]
    pub fn record(&mut self, ns: u64) {
        self.saturated += u64::from(ns > MAX_NS);
        self.inner.saturating_record(ns.clamp(MIN_NS, MAX_NS));
    }

    /// Counts `count` operations of `ns` each.
    pub fn record_n(&mut self, ns: u64, count: u64) {
        self.saturated += if ns > MAX_NS { count } else { 0 };
        self.inner.saturating_record_n(ns.clamp(MIN_NS, MAX_NS), count);
    }

    /// Adds all counts of `other`. Merging is exact, which averaging quantiles is not.
    pub fn merge(&mut self, other: &Self) {
        self.inner.add(&other.inner).expect("both have the same bounds");
        self.saturated += other.saturated;
    }

    /// How many operations were recorded.
    #[must_use]
    pub fn len(&self) -> u64 {
        self.inner.len()
    }

    /// Whether nothing was recorded.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.inner.is_empty()
    }

    /// How many operations took longer than [`MAX_NS`].
    ///
    /// The text form does not carry this; after [`from_base64`](Self::from_base64) it is the count of the topmost
    /// class, which also holds what took less than an hour by under 0.1 %.
    #[must_use]
    pub fn saturated(&self) -> u64 {
        self.saturated
    }

    /// The upper end, in ns, of the class that quantile `q` (0 … 1) falls in; 0 if nothing was recorded. Whether there
    /// are enough samples for `q` is not asked here: see [`quantiles`](Self::quantiles).
    #[must_use]
    pub fn quantile(&self, q: f64) -> u64 {
        self.inner.value_at_quantile(q).min(MAX_NS)
    }

    /// The upper end of the highest class that holds something, in ns; 0 if nothing was recorded.
    #[must_use]
    pub fn max(&self) -> u64 {
        self.inner.max().min(MAX_NS)
    }

    /// The lower end of the lowest class that holds something, in ns; 0 if nothing was recorded.
    #[must_use]
    pub fn min(&self) -> u64 {
        if self.is_empty() { 0 } else { self.inner.min() }
    }

    /// The quantiles that this many samples support: see [`Quantiles`].
    #[must_use]
    pub fn quantiles(&self) -> Quantiles {
        let n = self.len();
        let at = |q: f64, least: u64| (n >= least).then(|| self.quantile(q));
        Quantiles {
            p50: at(0.5, 20),
            p90: at(0.9, 100),
            p99: at(0.99, 1_000),
            p999: at(0.999, 10_000),
            max: (n >= 1).then(|| self.max()),
        }
    }

    /// The text form: HDR V2, deflated, base64 with the standard alphabet and padding.
    #[must_use]
    pub fn to_base64(&self) -> String {
        let mut bytes = Vec::new();
        V2DeflateSerializer::new()
            .serialize(&self.inner, &mut bytes)
            .expect("writing to memory does not fail, and no count exceeds i64::MAX");
        STANDARD.encode(bytes)
    }

    /// Reads what [`to_base64`](Self::to_base64) wrote. The bounds must be the ones of this module.
    ///
    /// # Errors
    /// Says what is wrong with a text that is too long, is not base64, or does not hold such a histogram.
    pub fn from_base64(text: &str) -> Result<Self, HistogramError> {
        if text.len() > MAX_TEXT_BYTES {
            return Err(HistogramError::TooLong(text.len()));
        }
        let plain = inflate(&STANDARD.decode(text)?)?;
        check_header(&plain)?;
        check_counts(&plain[HEADER_BYTES..])?;
        let inner: hdrhistogram::Histogram<u64> = Deserializer::new()
            .deserialize(&mut plain.as_slice())
            .map_err(|error| HistogramError::Content(error.to_string()))?;
        let saturated = inner.count_at(MAX_NS);
        Ok(Self { inner, saturated })
    }
}

impl Default for Histogram {
    fn default() -> Self {
        Self::new()
    }
}

/// The quantiles of a histogram, in ns; those that the samples do not support are absent.
///
/// Quantile q is given only if n·(1 − q) ≥ 10, that is from 20 samples for the median, 100 for p90, 1,000 for p99 and
/// 10,000 for p99.9: the number of samples beyond a quantile is binomial, so with ten of them its standard error is
/// already a third (1/√10), and with fewer the value is an anecdote. `max` is given from one sample on; it is the
/// largest value seen, not an estimate of anything.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct Quantiles {
    /// The median, from 20 samples on.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub p50: Option<u64>,
    /// Nine in ten are at or below, from 100 samples on.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub p90: Option<u64>,
    /// 99 in 100 are at or below, from 1,000 samples on.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub p99: Option<u64>,
    /// 999 in 1,000 are at or below, from 10,000 samples on.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub p999: Option<u64>,
    /// The largest value seen, from one sample on.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max: Option<u64>,
}

/// Why a text is not a histogram.
#[derive(Debug, Error)]
pub enum HistogramError {
    /// The text is longer than any histogram of these bounds.
    #[error("the histogram text has {0} bytes; allowed are {MAX_TEXT_BYTES}")]
    TooLong(usize),
    /// The text is not base64.
    #[error("the histogram text is not base64: {0}")]
    Base64(#[from] base64::DecodeError),
    /// The bytes are not deflated HDR V2.
    #[error("the histogram is not deflated HDR V2: {0}")]
    Format(String),
    /// It is a histogram with other bounds than this suite's.
    #[error(
        "the histogram has bounds {low} to {high} with {digits} digits; allowed are {MIN_NS} to {MAX_NS} ns with {DIGITS}"
    )]
    Bounds {
        /// The lowest value it tells apart.
        low: u64,
        /// The highest value it holds.
        high: u64,
        /// Its significant digits.
        digits: u32,
    },
    /// The counts make no sense.
    #[error("the histogram's counts are invalid: {0}")]
    Content(String),
}

fn format_error(what: impl Into<String>) -> HistogramError {
    HistogramError::Format(what.into())
}

fn be_u32(bytes: &[u8], at: usize) -> u32 {
    u32::from_be_bytes(bytes[at..at + 4].try_into().expect("four bytes"))
}

fn be_u64(bytes: &[u8], at: usize) -> u64 {
    u64::from_be_bytes(bytes[at..at + 8].try_into().expect("eight bytes"))
}

/// Inflates here rather than in the deserializer, which would trust the length field in the deflated part (up to 4 GiB).
fn inflate(bytes: &[u8]) -> Result<Vec<u8>, HistogramError> {
    if bytes.len() < 8 || be_u32(bytes, 0) != COOKIE_DEFLATED {
        return Err(format_error("no such cookie at the start"));
    }
    let mut plain = Vec::new();
    flate2::read::ZlibDecoder::new(&bytes[8..])
        .take(MAX_PAYLOAD_BYTES + 1)
        .read_to_end(&mut plain)
        .map_err(|error| format_error(error.to_string()))?;
    if plain.len() as u64 > MAX_PAYLOAD_BYTES {
        return Err(format_error(format!("more than {MAX_PAYLOAD_BYTES} bytes when inflated")));
    }
    Ok(plain)
}

/// Layout: cookie, payload length, normalizing offset, digits (u32 each), lowest, highest (u64), ratio (f64).
fn check_header(plain: &[u8]) -> Result<(), HistogramError> {
    if plain.len() < HEADER_BYTES || be_u32(plain, 0) != COOKIE {
        return Err(format_error("no header inside"));
    }
    if be_u32(plain, 4) as usize != plain.len() - HEADER_BYTES {
        return Err(format_error("the length field is wrong"));
    }
    let (digits, low, high) = (be_u32(plain, 12), be_u64(plain, 16), be_u64(plain, 24));
    if (digits, low, high) != (u32::from(DIGITS), MIN_NS, MAX_NS) {
        return Err(HistogramError::Bounds { low, high, digits });
    }
    Ok(())
}

/// Walks the counts (zigzag LEB128: a count, or minus the length of a run of zeros) for values with which the
/// deserializer's or a later sum would overflow.
fn check_counts(mut payload: &[u8]) -> Result<(), HistogramError> {
    let mut total = 0_i64;
    while !payload.is_empty() {
        let (number, rest) = read_varint(payload)?;
        if !(-MAX_COUNT..=MAX_COUNT).contains(&number) {
            return Err(HistogramError::Content(format!("a count of {number}")));
        }
        total += number.max(0);
        if total > MAX_COUNT {
            return Err(HistogramError::Content(format!("a sum above {MAX_COUNT}")));
        }
        payload = rest;
    }
    Ok(())
}

fn read_varint(bytes: &[u8]) -> Result<(i64, &[u8]), HistogramError> {
    let mut value = 0_u64;
    for (index, byte) in bytes.iter().take(9).enumerate() {
        // The ninth byte carries eight bits, so that 64 fit into nine bytes.
        let last = index == 8 || byte & 0x80 == 0;
        let bits = if index == 8 { *byte } else { byte & 0x7f };
        value |= u64::from(bits) << (7 * index);
        if last {
            let number = (value >> 1) as i64 ^ -((value & 1) as i64);
            return Ok((number, &bytes[index + 1..]));
        }
    }
    Err(format_error("it ends inside a number"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn of(values: impl IntoIterator<Item = u64>) -> Histogram {
        let mut histogram = Histogram::new();
        values.into_iter().for_each(|ns| histogram.record(ns));
        histogram
    }

    fn encode(header: [u64; 3], payload: &[u8]) -> String {
        use std::io::Write;
        let mut plain = Vec::new();
        for word in [COOKIE, payload.len() as u32, 0, header[0] as u32] {
            plain.extend(word.to_be_bytes());
        }
        plain.extend(header[1].to_be_bytes());
        plain.extend(header[2].to_be_bytes());
        plain.extend(1.0_f64.to_be_bytes());
        plain.extend(payload);
        let mut bytes = [COOKIE_DEFLATED.to_be_bytes(), [0; 4]].concat();
        let mut zlib = flate2::write::ZlibEncoder::new(&mut bytes, flate2::Compression::best());
        zlib.write_all(&plain).unwrap();
        zlib.finish().unwrap();
        STANDARD.encode(bytes)
    }

    #[test]
    fn zero_is_one_and_beyond_an_hour_is_an_hour_and_counted() {
        let histogram = of([0, MAX_NS, MAX_NS + 1, u64::MAX]);
        assert_eq!((histogram.min(), histogram.max()), (1, MAX_NS));
        assert_eq!((histogram.len(), histogram.saturated()), (4, 2));
    }

    #[test]
    fn an_empty_histogram_has_no_quantiles_and_survives_the_round_trip() {
        let empty = Histogram::new();
        assert_eq!(empty.quantiles(), Quantiles::default());
        assert_eq!((empty.min(), empty.max(), empty.quantile(0.5)), (0, 0, 0));
        assert_eq!(Histogram::from_base64(&empty.to_base64()).unwrap(), empty);
    }

    #[test]
    fn a_quantile_appears_when_ten_samples_lie_beyond_it() {
        let present = |n: u64| {
            let q = of(1..=n).quantiles();
            [q.p50, q.p90, q.p99, q.p999].iter().flatten().count()
        };
        let samples = [19, 20, 99, 100, 999, 1_000, 9_999, 10_000];
        assert_eq!(samples.map(present), [0, 1, 1, 2, 2, 3, 3, 4]);
        assert_eq!(of(1..=1_000).quantiles().p90, Some(900));
    }

    #[test]
    fn a_small_text_cannot_claim_a_large_histogram() {
        let zeros = vec![0_u8; 64 << 20];
        let inflating = encode([3, MIN_NS, MAX_NS], &zeros);
        assert!(inflating.len() < MAX_TEXT_BYTES);
        let error = Histogram::from_base64(&inflating).unwrap_err().to_string();
        assert!(error.contains("when inflated"), "{error}");
        let wide = encode([5, 1, u64::MAX / 2], &[]);
        let error = Histogram::from_base64(&wide).unwrap_err().to_string();
        assert!(error.contains("5 digits; allowed are 1 to"), "{error}");
        let long = "A".repeat(MAX_TEXT_BYTES + 1);
        assert!(Histogram::from_base64(&long).is_err());
    }

    #[test]
    fn counts_that_would_overflow_are_refused() {
        for payload in [[0xff_u8; 9], [0xfe, 255, 255, 255, 255, 255, 255, 255, 255]] {
            let text = encode([3, MIN_NS, MAX_NS], &payload);
            let error = Histogram::from_base64(&text).unwrap_err().to_string();
            assert!(error.contains("a count of"), "{error}");
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        #[test]
        fn text_round_trip_and_merge_keep_every_count(
            left in prop::collection::vec(0..=MAX_NS, 0..50),
            right in prop::collection::vec(0_u64..5_000, 0..50),
        ) {
            let mut merged = of(left.clone());
            merged.merge(&of(right.clone()));
            let whole = of(left.into_iter().chain(right));
            prop_assert_eq!(&merged, &whole);
            let read = Histogram::from_base64(&whole.to_base64()).unwrap();
            prop_assert_eq!(read.quantiles(), whole.quantiles());
            prop_assert_eq!(read.inner, whole.inner);
        }

        #[test]
        fn no_payload_panics(payload in prop::collection::vec(any::<u8>(), 0..200)) {
            if let Ok(read) = Histogram::from_base64(&encode([3, MIN_NS, MAX_NS], &payload)) {
                let _ = (read.quantiles(), read.to_base64());
            }
        }
    }
}
