//! Weighted averages: items times their weights, in double precision.

use ndfolio_layout::{DType, Kind, Value};
use num_complex::Complex;

use crate::{
    Caster, Casting, KernelError,
    reduce::{NanPolicy, Partial, Reducer, Wanted},
};

/// Multiplies items of one dtype with weights of another.
#[derive(Clone, Debug)]
pub struct Weigher {
    items: Caster,
    weights: Caster,
    /// The dtype of products and weights: doubles, or complex ones.
    wide: DType,
    result: DType,
}

impl Weigher {
    /// For items and weights of these dtypes.
    ///
    /// # Errors
    /// [`KernelError::NoOperation`] for all but numbers and truth values.
    pub fn new(items: &DType, weights: &DType) -> Result<Self, KernelError> {
        let result = result_dtype(items, weights)?;
        let complex = result.kind().is_some_and(Kind::is_complex);
        let wide = DType::native(if complex { Kind::Complex128 } else { Kind::Float64 });
        let cast = |from: &DType| Caster::new(from, &wide, Casting::Unsafe);
        Ok(Weigher { items: cast(items)?, weights: cast(weights)?, wide, result })
    }

    /// NumPy's dtype of the average.
    #[must_use]
    pub fn result_dtype(&self) -> &DType {
        &self.result
    }

    /// Bytes of a product, and of a weight beside it.
    #[must_use]
    pub fn wide_itemsize(&self) -> usize {
        self.wide.itemsize()
    }

    /// What adds up products, and weights.
    ///
    /// # Errors
    /// None: these dtypes can be added.
    pub fn reducer(&self) -> Result<Reducer, KernelError> {
        Reducer::new(&self.wide, Wanted::SUM, NanPolicy::Propagate)
    }

    /// Puts the products of items and weights into `products`, and the weights into `wide_weights`. The bytes
    /// of both are used up.
    ///
    /// # Panics
    /// If there is not as much room as there are items.
    pub fn weigh(&self, items: &mut [u8], weights: &mut [u8], products: &mut [u8], wide_weights: &mut [u8]) {
        self.items.apply(items, products);
        self.weights.apply(weights, wide_weights);
        if self.wide.itemsize() == 8 {
            for (x, weight) in products.as_chunks_mut().0.iter_mut().zip(wide_weights.as_chunks().0) {
                *x = (f64::from_ne_bytes(*x) * f64::from_ne_bytes(*weight)).to_ne_bytes();
            }
            return;
        }
        for (x, weight) in products.as_chunks_mut::<16>().0.iter_mut().zip(wide_weights.as_chunks::<16>().0) {
            let product = complex(x) * complex(weight);
            x[..8].copy_from_slice(&product.re.to_ne_bytes());
            x[8..].copy_from_slice(&product.im.to_ne_bytes());
        }
    }

    /// The average, and the sum of the weights, both of the result's dtype.
    ///
    /// # Errors
    /// [`KernelError::ZeroWeights`].
    pub fn finish(&self, products: &Partial, weights: &Partial) -> Result<[Value; 2], KernelError> {
        let [re, im] = weights.sum;
        if re == 0.0 && im == 0.0 {
            return Err(KernelError::ZeroWeights);
        }
        let sum = Complex::new(products.sum[0], products.sum[1]);
        let average = if self.wide.itemsize() == 8 {
            Complex::new(sum.re / re, 0.0)
        } else {
            sum / Complex::new(re, im)
        };
        Ok([self.value(average), self.value(Complex::new(re, im))])
    }

    fn value(&self, z: Complex<f64>) -> Value {
        if self.wide.itemsize() == 8 { Value::Float64(z.re) } else { Value::Complex128(z) }
    }
}

fn complex(bytes: &[u8; 16]) -> Complex<f64> {
    let [re, im] = [0, 1].map(|part| f64::from_ne_bytes(bytes.as_chunks().0[part]));
    Complex::new(re, im)
}

/// NumPy's `result_type` of both, and of a double if the items are whole numbers or truth values.
fn result_dtype(items: &DType, weights: &DType) -> Result<DType, KernelError> {
    let number = |dtype: &DType| match dtype.kind() {
        Some(kind) if kind == Kind::Bool || kind.is_integer() || kind.is_float() || kind.is_complex() => {
            Ok(kind)
        }
        _ => Err(KernelError::NoOperation { operation: "average", dtype: dtype.clone() }),
    };
    let (items, weights) = (number(items)?, number(weights)?);
    let whole = !items.is_float() && !items.is_complex();
    let bytes = if whole { 8 } else { float_bytes(items).max(float_bytes(weights)) };
    let complex = items.is_complex() || weights.is_complex();
    Ok(DType::native(match (complex, bytes) {
        (true, 8) => Kind::Complex128,
        (true, _) => Kind::Complex64,
        (false, 2) => Kind::Float16,
        (false, 4) => Kind::Float32,
        _ => Kind::Float64,
    }))
}

/// Bytes of the shortest floating-point number that numbers of a kind are turned into.
fn float_bytes(kind: Kind) -> usize {
    match kind {
        Kind::Bool | Kind::Int8 | Kind::UInt8 | Kind::Float16 => 2,
        Kind::Int16 | Kind::UInt16 | Kind::Float32 | Kind::Complex64 => 4,
        _ => 8,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `np.average(np.ones(2, a), weights=np.ones(2, w)).dtype` of NumPy 2.4.
    #[test]
    fn the_dtypes_are_numpys() {
        let weights = ["?", "i1", "u1", "i2", "u2", "i4", "u4", "i8", "f2", "f4", "f8", "c8", "c16"];
        for (items, results) in [
            ("f2", "eeeffdddefdFD"),
            ("f4", "fffffdddffdFD"),
            ("f8", "dddddddddddDD"),
            ("c8", "FFFFFDDDFFDFD"),
            ("c16", "DDDDDDDDDDDDD"),
            ("i4", "dddddddddddDD"),
            ("?", "dddddddddddDD"),
        ] {
            for (weights, result) in weights.iter().zip(results.chars()) {
                let weigher = Weigher::new(&items.parse().unwrap(), &weights.parse().unwrap()).unwrap();
                let kind = match result {
                    'e' => Kind::Float16,
                    'f' => Kind::Float32,
                    'd' => Kind::Float64,
                    'F' => Kind::Complex64,
                    _ => Kind::Complex128,
                };
                assert_eq!(weigher.result_dtype(), &DType::native(kind), "{items} {weights}");
            }
        }
        for text in ["S3", "m8[s]", "g", "[('a', 'f4')]"] {
            assert!(Weigher::new(&text.parse().unwrap(), &"f4".parse().unwrap()).is_err());
            assert!(Weigher::new(&"f4".parse().unwrap(), &text.parse().unwrap()).is_err());
        }
    }

    #[test]
    fn complex_numbers_are_multiplied() {
        let weigher = Weigher::new(&"<c16".parse().unwrap(), &">f4".parse().unwrap()).unwrap();
        let mut items: Vec<u8> = [1.0_f64, 2.0, 3.0, -1.0].iter().flat_map(|x| x.to_le_bytes()).collect();
        let mut weights: Vec<u8> = [0.5_f32, 2.0].iter().flat_map(|x| x.to_be_bytes()).collect();
        let (mut products, mut wide) = ([0; 32], [0; 32]);
        weigher.weigh(&mut items, &mut weights, &mut products, &mut wide);
        let (reducer, mut scratch) = (weigher.reducer().unwrap(), crate::reduce::Scratch::default());
        let (products, wide) =
            (reducer.block(&products, 0, &mut scratch), reducer.block(&wide, 0, &mut scratch));
        let [average, sum] = weigher.finish(&products, &wide).unwrap();
        assert_eq!(average, Value::Complex128(Complex::new(2.6, -0.4)));
        assert_eq!(sum, Value::Complex128(Complex::new(2.5, 0.0)));
        assert_eq!(weigher.finish(&products, &reducer.empty()), Err(KernelError::ZeroWeights));
    }
}
