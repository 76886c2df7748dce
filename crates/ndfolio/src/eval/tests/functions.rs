//! Functions, methods and their arguments, against values that NumPy gives.

use ndarray::{arr1, arr2};

use super::*;
use crate::{Error, Lazy, Reduced, Run};

fn arrays() -> Vec<(&'static str, Lazy)> {
    vec![
        ("x", arr2(&[[1.0, 2.0, 4.0], [8.0, 16.0, -32.0]]).into()),
        ("n", arr1(&[3_i32, -7, 2]).into()),
        ("u", arr1(&[3_u8, 200, 0]).into()),
        ("b", arr1(&[100_i8, 100, -1]).into()),
        ("q", arr1(&[f64::NAN, 1.5, f64::INFINITY, -0.5]).into()),
        ("t", arr1(&[true, false, true]).into()),
        ("z", arr1(&[num_complex::Complex::new(3.0, 4.0)]).into()),
    ]
}

fn evaluated(text: &str) -> Result<Reduced, Error> {
    Program::parse(text)?.evaluate(&arrays())?.compute(Run::default())
}

/// Expressions, and the dtype, shape and items of their results.
const VALUES: &[(&str, &str, &[usize], &[f64])] = &[
    ("sum(x)", "<f8", &[], &[-1.0]),
    ("sum(x, axis=0)", "<f8", &[3], &[9.0, 18.0, -28.0]),
    ("sum(a=x, axis=-1, keepdims=True)", "<f8", &[2, 1], &[7.0, -8.0]),
    ("sum(u)", "<u8", &[], &[203.0]),
    ("sum(u, dtype='f4')", "<f4", &[], &[203.0]),
    ("x.sum(0)", "<f8", &[3], &[9.0, 18.0, -28.0]),
    ("x.sum(axis=(0, 1))", "<f8", &[], &[-1.0]),
    ("x.sum(axis=None)", "<f8", &[], &[-1.0]),
    ("prod(n)", "<i8", &[], &[-42.0]),
    ("mean(x, axis=1)", "<f8", &[2], &[7.0 / 3.0, -8.0 / 3.0]),
    ("mean(n)", "<f8", &[], &[-2.0 / 3.0]),
    ("var(x, axis=0)", "<f8", &[3], &[12.25, 49.0, 324.0]),
    ("std(x, axis=0, ddof=1) ** 2", "<f8", &[3], &[24.5, 98.0, 648.0]),
    ("x.std(axis=0)", "<f8", &[3], &[3.5, 7.0, 18.0]),
    ("min(x) + max(x)", "<f8", &[], &[-16.0]),
    ("amin(x, 0)", "<f8", &[3], &[1.0, 2.0, -32.0]),
    ("ptp(x, axis=1)", "<f8", &[2], &[3.0, 48.0]),
    ("argmin(x, axis=1)", "<i8", &[2], &[0.0, 2.0]),
    ("x.argmax()", "<i8", &[], &[4.0]),
    ("any(n > 2)", "|b1", &[], &[1.0]),
    ("all(n > 2)", "|b1", &[], &[0.0]),
    ("count_nonzero(u)", "<i8", &[], &[2.0]),
    ("np.linalg.norm(z)", "<f8", &[], &[5.0]),
    ("nansum(q[:2])", "<f8", &[], &[1.5]),
    ("nanmean(q[:2])", "<f8", &[], &[1.5]),
    ("nanmax(q)", "<f8", &[], &[f64::INFINITY]),
    ("nanmin(q)", "<f8", &[], &[-0.5]),
    ("nanargmin(q)", "<i8", &[], &[3.0]),
    ("nanprod(q[:2])", "<f8", &[], &[1.5]),
    ("nanstd(q[:2], ddof=0)", "<f8", &[], &[0.0]),
    ("cumsum(n)", "<i8", &[3], &[3.0, -4.0, -2.0]),
    ("cumsum(x)", "<f8", &[6], &[1.0, 3.0, 7.0, 15.0, 31.0, -1.0]),
    ("x.cumsum(axis=1)", "<f8", &[2, 3], &[1.0, 3.0, 7.0, 8.0, 24.0, -8.0]),
    ("cumprod(n, axis=0, dtype='f8')", "<f8", &[3], &[3.0, -21.0, -42.0]),
    ("diff(x)", "<f8", &[2, 2], &[1.0, 2.0, 8.0, -48.0]),
    ("diff(x, n=2, axis=1)", "<f8", &[2, 1], &[1.0, -56.0]),
    ("diff(t)", "|b1", &[2], &[1.0, 1.0]),
    ("average(x)", "<f8", &[], &[-1.0 / 6.0]),
    ("average(n, weights=n)", "<f8", &[], &[-31.0]),
    // Products of an int8 are no int8.
    ("average(b, weights=b)", "<f8", &[], &[20_001.0 / 199.0]),
    ("average(x, axis=0, weights=x * 0 + 2)", "<f8", &[3], &[4.5, 9.0, -14.0]),
    ("round(x / 7, 1)[0]", "<f8", &[3], &[0.1, 0.3, 0.6]),
    ("around(q[1:2])", "<f8", &[1], &[2.0]),
    ("x.round(decimals=-1)[1]", "<f8", &[3], &[10.0, 20.0, -30.0]),
    ("clip(n, -1, 2)", "<i4", &[3], &[2.0, -1.0, 2.0]),
    ("n.clip(min=0)", "<i4", &[3], &[3.0, 0.0, 2.0]),
    ("clip(n, max=0)", "<i4", &[3], &[0.0, -7.0, 0.0]),
    ("nan_to_num(q, nan=7, posinf=9.0)", "<f8", &[4], &[7.0, 1.5, 9.0, -0.5]),
    ("where(n > 0, n, -n)", "<i4", &[3], &[3.0, 7.0, 2.0]),
    ("where(t, 1, 0.5)", "<f8", &[3], &[1.0, 0.5, 1.0]),
    ("isclose(u, u + 1, atol=1)", "|b1", &[3], &[1.0, 1.0, 1.0]),
    ("isclose(u, 4, atol=1, rtol=0.0)", "|b1", &[3], &[1.0, 0.0, 0.0]),
    ("isclose(q, q)", "|b1", &[4], &[0.0, 1.0, 1.0, 1.0]),
    ("isclose(t, t)", "|b1", &[3], &[1.0, 1.0, 1.0]),
    ("angle(z * 0 + 1j)", "<f8", &[1], &[std::f64::consts::FRAC_PI_2]),
    ("angle(z * 0 + 1j, deg=True)", "<f8", &[1], &[90.0]),
    ("astype(x, 'i4')[1]", "<i4", &[3], &[8.0, 16.0, -32.0]),
    ("x.astype(np.float32)[0] / 3", "<f4", &[3], &[f64_of(1.0 / 3.0), f64_of(2.0 / 3.0), f64_of(4.0 / 3.0)]),
    ("n.astype('i8', casting='safe')", "<i8", &[3], &[3.0, -7.0, 2.0]),
    ("float32(2) * u", "<f4", &[3], &[6.0, 400.0, 0.0]),
    ("u + 2", "|u1", &[3], &[5.0, 202.0, 2.0]),
    ("transpose(x)", "<f8", &[3, 2], &[1.0, 8.0, 2.0, 16.0, 4.0, -32.0]),
    ("x.T[2]", "<f8", &[2], &[4.0, -32.0]),
    ("x.transpose(1, 0)[0]", "<f8", &[2], &[1.0, 8.0]),
    ("x.transpose((1, 0))[0]", "<f8", &[2], &[1.0, 8.0]),
    ("swapaxes(x, 0, -1)[1]", "<f8", &[2], &[2.0, 16.0]),
    ("x.reshape(3, -1)[1]", "<f8", &[2], &[4.0, 8.0]),
    ("reshape(x, (6,))[5]", "<f8", &[], &[-32.0]),
    ("x.ravel()[3] + x.flatten()[4]", "<f8", &[], &[24.0]),
    ("broadcast_to(n, (2, 3))[1]", "<i4", &[3], &[3.0, -7.0, 2.0]),
    ("expand_dims(n, 1)", "<i4", &[3, 1], &[3.0, -7.0, 2.0]),
    ("expand_dims(n, axis=-1) * u[:1]", "<i4", &[3, 1], &[9.0, -21.0, 6.0]),
    ("squeeze(n[None, :, None])", "<i4", &[3], &[3.0, -7.0, 2.0]),
    ("x.size + x.ndim * 100 + n.itemsize * 1000", "<i8", &[], &[4206.0]),
    ("real(z) + imag(z)", "<f8", &[1], &[7.0]),
    ("abs(z)", "<f8", &[1], &[5.0]),
    ("n // 2", "<i4", &[3], &[1.0, -4.0, 1.0]),
    ("n % 4", "<i4", &[3], &[3.0, 1.0, 2.0]),
    ("7 // 2 + 2 ** 3 - (5 % -3)", "<i8", &[], &[12.0]),
    ("-u", "|u1", &[3], &[253.0, 56.0, 0.0]),
    ("~t | (n == 2)", "|b1", &[3], &[0.0, 1.0, 1.0]),
    ("m = mean(x, axis=0); (x - m)[0]", "<f8", &[3], &[-3.5, -7.0, 18.0]),
    ("x[..., ::-1][0, :2]", "<f8", &[2], &[4.0, 2.0]),
    ("hypot(x1=n, x2=0)", "<f8", &[3], &[3.0, 7.0, 2.0]),
    ("maximum(n, 0) + minimum(n, 0)", "<i4", &[3], &[3.0, -7.0, 2.0]),
    (
        "datetime64('2020-01-02', 'D') - datetime64('2020-01-01', 'D') == timedelta64(1, 'D')",
        "|b1",
        &[],
        &[1.0],
    ),
];

const fn f64_of(x: f32) -> f64 {
    x as f64
}

#[test]
fn functions_and_their_arguments() {
    for (text, dtype, shape, items) in VALUES {
        let found = evaluated(text).unwrap_or_else(|error| panic!("{text}\n{error}"));
        assert_eq!(found.dtype(), &dtype.parse().unwrap(), "{text}");
        assert_eq!(&found.shape(), shape, "{text}");
        let values: Vec<f64> = found
            .iter()
            .map(|value| match value {
                ndfolio_layout::Value::Bool(truth) => f64::from(u8::from(truth)),
                other => other.as_f64().unwrap(),
            })
            .collect();
        assert_eq!(&values, items, "{text}");
    }
}

/// Expressions that are refused, and what is said.
const REFUSED: &[(&str, &str)] = &[
    ("summ(x)", "'summ'"),
    ("x.summ()", "'summ'"),
    ("x.shap", "'shap'"),
    ("sum(x, axes=0)", "axis"),
    ("sum(x, axis='0')", "axis must be whole numbers"),
    ("sum(x, axis=2)", "axis 2"),
    ("sum(x, 0, axis=0)", "twice"),
    ("sum(axis=0)", "needs a"),
    ("mean(x, ddof=1)", "takes no ddof"),
    ("std(x, ddof='a')", "a number"),
    ("sum(x, keepdims=1)", "True or False"),
    ("sqrt(x, x)", "one argument"),
    ("diff(x, n=-1)", "negative"),
    ("nanptp(x)", "'nanptp'"),
    ("average(x, weights=n)", "shape"),
    ("divmod(x, 2)", "x // y"),
    ("expand_dims(n, 3)", "out of bounds"),
    ("swapaxes(x, 0, 2)", "out of bounds"),
    ("broadcast_to(x, (2, -1))", "negative"),
    ("astype(x, 'i4', casting='safe')", "safe"),
    ("astype(x, 'i4', casting='sure')", "sure"),
    ("astype(x, 'q9')", "q9"),
    ("u + 300", "300"),
    ("x + y", "'y'"),
    ("1 / 0", "division by zero"),
    ("x + 'a'", "expected an array, found text"),
    ("x @ x", "@"),
];

#[test]
fn what_is_wrong_is_said() {
    for (text, words) in REFUSED {
        let error = evaluated(text).err().unwrap_or_else(|| panic!("{text} is computed")).to_string();
        assert!(error.contains(words), "{text}: {error}");
    }
}
