//! A register of floats, whatever an instruction set calls it.

/// A register of floats. Loads beyond the end of an array give zeros; callers pass places that the compiler knows, so that nothing
/// is compared when it runs.
pub(crate) trait Lanes: Copy {
    /// How many it holds.
    const COUNT: usize;

    fn splat(value: f32) -> Self;
    fn load<const N: usize>(from: &[f32; N], at: usize) -> Self;
    fn load_codes<const N: usize>(from: &[i8; N], at: usize) -> Self;
    /// Stores nothing where it does not fit.
    fn store<const N: usize>(self, to: &mut [f32; N], at: usize);
    /// `self + a · b`.
    fn add_product(self, a: Self, b: Self) -> Self;
    fn add(self, other: Self) -> Self;
    fn times(self, other: Self) -> Self;
    fn divided_by(self, other: Self) -> Self;
    fn largest_of(self, other: Self) -> Self;
    /// To the nearest whole number.
    fn rounded(self) -> Self;
    /// `self · 2^power` for whole powers from -126 to 127.
    fn scaled_by_power(self, power: Self) -> Self;
    /// Asks for the cache line of an element that will be read soon.
    fn ask_for<T>(element: &T);
    /// All lanes together.
    fn sum(self) -> f32;
    fn largest(self) -> f32;

    /// e to the power of each, from -87 to 88: relative error below 2e-7. Lower numbers count as -87 (1.6e-38).
    ///
    /// The exponent apart, the rest by Cephes' polynomial (Moshier, `expf`).
    #[inline(always)]
    fn exp(self) -> Self {
        let x = self.largest_of(Self::splat(-87.0));
        let power = x.times(Self::splat(std::f32::consts::LOG2_E)).rounded();
        // ln 2 in two parts, the first with few bits, so that its product is exact.
        let rest = x.add_product(power, Self::splat(-355.0 / 512.0));
        let rest = rest.add_product(power, Self::splat(2.121_944_4e-4));
        let mut sum = Self::splat(1.987_569_1e-4);
        for coefficient in [1.398_199_9e-3, 8.333_452e-3, 4.166_579_6e-2, 1.666_666_5e-1, 0.5] {
            sum = Self::splat(coefficient).add_product(sum, rest);
        }
        Self::splat(1.0).add(rest).add_product(sum, rest.times(rest)).scaled_by_power(power)
    }
}
