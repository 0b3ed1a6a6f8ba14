//! `pluginry:plugin/random`: random numbers, from the system or from a seed.

use super::HostState;
use super::bindings::pluginry::plugin::random;

const BYTES_MAX: u32 = 65_536;

/// Where random numbers come from.
#[derive(Debug, Clone, Copy)]
pub enum RandomSource {
    /// The same numbers every time: verification runs are repeatable. Not for secrets.
    Seeded(u64),
    /// Fills a buffer with unpredictable bytes.
    System(fn(&mut [u8])),
}

impl Default for RandomSource {
    fn default() -> Self {
        Self::Seeded(0)
    }
}

impl RandomSource {
    fn fill(&mut self, buffer: &mut [u8]) {
        match self {
            Self::System(fill) => fill(buffer),
            Self::Seeded(state) => {
                for chunk in buffer.chunks_mut(8) {
                    chunk.copy_from_slice(&split_mix(state).to_le_bytes()[..chunk.len()]);
                }
            }
        }
    }
}

/// SplitMix64.
fn split_mix(state: &mut u64) -> u64 {
    *state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let mut z = *state;
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

/// A plugin asked for more random bytes at a time than it may.
#[derive(Debug, thiserror::Error)]
#[error("it asked for {length} random bytes at once; {BYTES_MAX} are allowed")]
struct TooManyBytes {
    length: u32,
}

impl random::Host for HostState {
    fn bytes(&mut self, length: u32) -> wasmtime::Result<Vec<u8>> {
        self.count("random.bytes")?;
        if length > BYTES_MAX {
            return Err(TooManyBytes { length }.into());
        }
        let mut bytes = vec![0; length as usize];
        self.services.random.fill(&mut bytes);
        Ok(bytes)
    }

    fn number(&mut self) -> wasmtime::Result<u64> {
        self.count("random.number")?;
        let mut bytes = [0; 8];
        self.services.random.fill(&mut bytes);
        Ok(u64::from_le_bytes(bytes))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seed_gives_the_published_split_mix_numbers() {
        let mut source = RandomSource::Seeded(1_234_567);
        let mut bytes = [0; 16];
        source.fill(&mut bytes);

        assert_eq!(u64::from_le_bytes(bytes[..8].try_into().unwrap()), 6_457_827_717_110_365_317);
        assert_eq!(u64::from_le_bytes(bytes[8..].try_into().unwrap()), 3_203_168_211_198_807_973);
    }
}
