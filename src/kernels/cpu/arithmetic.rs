//! Which instructions the processor has, chosen when the program runs.

#[cfg(not(target_arch = "wasm32"))]
use super::arrays::Arrays;
use super::product::Vectors;

/// The vectors of every browser that the engine runs in.
#[cfg(target_arch = "wasm32")]
type Baseline = pulp::wasm::Simd128;
/// Every 64-bit Arm multiplies and adds in one instruction; elsewhere it would be a call.
#[cfg(not(target_arch = "wasm32"))]
type Baseline = Arrays<{ cfg!(target_arch = "aarch64") }>;

/// Which instructions there are.
#[derive(Clone, Copy, Debug)]
pub(super) enum Arithmetic {
    /// The instructions that the program was built for.
    Baseline(Baseline),
    /// AVX2 with fused multiply-add.
    #[cfg(target_arch = "x86_64")]
    V3(pulp::x86::V3),
    /// AVX-512.
    #[cfg(target_arch = "x86_64")]
    V4(pulp::x86::V4),
}

/// A computation that is compiled once for each arithmetic.
pub(super) trait Computation {
    fn run(self, vectors: impl Vectors);
}

/// A work and its vectors, on its way into the instructions that it is compiled for.
#[cfg(target_arch = "x86_64")]
struct Vectorised<W, V>(W, V);

#[cfg(target_arch = "x86_64")]
impl<W: Computation, V: Vectors> pulp::NullaryFnOnce for Vectorised<W, V> {
    type Output = ();

    #[inline(always)]
    fn call(self) {
        self.0.run(self.1);
    }
}

impl Arithmetic {
    pub(super) fn of_this_processor() -> Self {
        *Self::all().last().expect("the baseline at least")
    }

    /// Those that this processor has, the quickest last.
    pub(super) fn all() -> Vec<Self> {
        #[cfg(target_arch = "wasm32")]
        let baseline = Baseline::try_new();
        #[cfg(not(target_arch = "wasm32"))]
        let baseline = Some(Arrays);
        let all = baseline.map(Self::Baseline).into_iter();
        #[cfg(target_arch = "x86_64")]
        let all =
            all.chain(pulp::x86::V3::try_new().map(Self::V3)).chain(pulp::x86::V4::try_new().map(Self::V4));
        all.collect()
    }

    #[inline(always)]
    pub(super) fn run(self, work: impl Computation) {
        match self {
            Self::Baseline(baseline) => work.run(baseline),
            #[cfg(target_arch = "x86_64")]
            Self::V3(v3) => pulp::Simd::vectorize(v3, Vectorised(work, v3)),
            #[cfg(target_arch = "x86_64")]
            Self::V4(v4) => pulp::Simd::vectorize(v4, Vectorised(work, v4)),
        }
    }
}
