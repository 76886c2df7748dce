//! The functions and methods of the language: NumPy's, by name.

use ndfolio_kernel::{
    Casting,
    elementwise::{Literal, Replacements, Ufunc},
    reduce::{NanPolicy, Op},
};
use ndfolio_layout::{DType, Kind, Value};

use super::{
    EvalError, Name, Span,
    arguments::{Bound, Given, whole},
    lower::{Item, Lowering},
    names::unknown_name,
};
use crate::{Along, Lazy, along};

/// Functions that are neither of items nor reductions.
const OTHERS: [&str; 22] = [
    "angle",
    "astype",
    "average",
    "broadcast_to",
    "clip",
    "cumprod",
    "cumsum",
    "cumulative_prod",
    "cumulative_sum",
    "datetime64",
    "diff",
    "expand_dims",
    "isclose",
    "linalg.norm",
    "nan_to_num",
    "ravel",
    "reshape",
    "round",
    "squeeze",
    "swapaxes",
    "timedelta64",
    "transpose",
];

/// Reductions by NumPy's names.
fn reduction(name: &str, ddof: f64) -> Option<(Op, NanPolicy)> {
    let (plain, nan) = match name.strip_prefix("nan") {
        Some(rest) if rest != "_to_num" => (rest, NanPolicy::Skip),
        _ => (name, NanPolicy::Propagate),
    };
    let op = match plain {
        "sum" => Op::Sum,
        "prod" => Op::Prod,
        "mean" => Op::Mean,
        "var" => Op::Var { ddof },
        "std" => Op::Std { ddof },
        "min" | "amin" => Op::Min,
        "max" | "amax" => Op::Max,
        "argmin" => Op::ArgMin,
        "argmax" => Op::ArgMax,
        "ptp" | "any" | "all" | "count_nonzero" | "norm" | "linalg.norm" if nan == NanPolicy::Skip => {
            return None;
        }
        "ptp" => Op::Ptp,
        "any" => Op::Any,
        "all" => Op::All,
        "count_nonzero" => Op::CountNonzero,
        "norm" | "linalg.norm" => Op::Norm,
        _ => return None,
    };
    Some((op, nan))
}

const REDUCTIONS: [&str; 24] = [
    "sum",
    "prod",
    "mean",
    "var",
    "std",
    "min",
    "max",
    "amin",
    "amax",
    "ptp",
    "argmin",
    "argmax",
    "any",
    "all",
    "count_nonzero",
    "norm",
    "nansum",
    "nanprod",
    "nanmean",
    "nanvar",
    "nanstd",
    "nanmin",
    "nanmax",
    "nanargmin",
];

/// A function's value.
pub(super) fn call(
    lowering: &Lowering<'_>,
    span: Span,
    name: &Name,
    given: Given,
) -> Result<Item, EvalError> {
    let bound = |given, names| Bound::new(lowering, (span, name), given, names);
    match &*name.text {
        "sum" | "nansum" | "prod" | "nanprod" => summed(&bound(given, &["a", "axis", "dtype", "keepdims"])?),
        "cumsum" | "cumprod" | "cumulative_sum" | "cumulative_prod" => {
            running(&bound(given, &["a", "axis", "dtype"])?)
        }
        "average" => average(&bound(given, &["a", "axis", "weights", "keepdims"])?),
        text if reduction(text, 0.0).is_some() => reduced(&bound(given, &["a", "axis", "ddof", "keepdims"])?),
        "round" | "around" => {
            let bound = bound(given, &["a", "decimals"])?;
            bound.done(bound.array("a")?.round(bound.int("decimals")?.unwrap_or(0) as i32))
        }
        "angle" => {
            let bound = bound(given, &["z", "deg"])?;
            let angle = bound.array("z")?.angle();
            bound.done(if bound.truth("deg")? { angle.degrees() } else { angle })
        }
        "clip" => clip(&bound(given, &["a", "min", "max"])?),
        "nan_to_num" => nan_to_num(&bound(given, &["x", "nan", "posinf", "neginf"])?),
        "where" => {
            let bound = bound(given, &["condition", "x", "y"])?;
            bound.done(crate::where_(bound.array("condition")?, bound.array("x")?, bound.array("y")?))
        }
        "isclose" => isclose(&bound(given, &["a", "b", "rtol", "atol"])?),
        "diff" => {
            let bound = bound(given, &["a", "n", "axis"])?;
            let n = usize::try_from(bound.int("n")?.unwrap_or(1));
            let n = n.map_err(|_| lowering.error(span, "diff: n must not be negative"))?;
            bound.done(bound.array("a")?.diff(n, bound.int("axis")?.unwrap_or(-1) as isize))
        }
        "datetime64" | "timedelta64" => time(lowering, span, name, given),
        "astype" => astype(&bound(given, &["x", "dtype", "casting"])?),
        "transpose" | "reshape" | "ravel" | "broadcast_to" | "expand_dims" | "squeeze" | "swapaxes" => {
            shaped(lowering, span, name, given)
        }
        text => match Ufunc::from_name(text) {
            Some(ufunc) => mapped(&bound(given, names_of(ufunc.arity()))?, ufunc),
            None => scalar_type(lowering, span, name, given),
        },
    }
}

fn names_of(arity: usize) -> &'static [&'static str] {
    match arity {
        1 => &["x"],
        2 => &["x1", "x2"],
        _ => &["x1", "x2", "x3"],
    }
}

fn mapped(bound: &Bound<'_>, ufunc: Ufunc) -> Result<Item, EvalError> {
    let args = bound.names.iter().map(|name| bound.array(name)).collect::<Result<Vec<_>, _>>()?;
    bound.done(Lazy::map(ufunc, &args))
}

/// `float32(2)`: a value of a dtype, whose type is not weak; or what was meant.
fn scalar_type(lowering: &Lowering<'_>, span: Span, name: &Name, given: Given) -> Result<Item, EvalError> {
    let dtype = name.text.parse::<DType>().ok().filter(|_| name.text.len() > 2);
    if let Some(dtype) = dtype {
        let bound = Bound::new(lowering, (span, name), given, &["x"])?;
        return bound.done(bound.array("x")?.astype(&dtype, Casting::Unsafe));
    }
    if name.text == "divmod" {
        return Err(lowering.error(name.span, "divmod has two results; write x // y and x % y"));
    }
    let ufuncs: Vec<Ufunc> = Ufunc::all().collect();
    let known = ufuncs.iter().map(Ufunc::name).chain(REDUCTIONS).chain(OTHERS);
    Err(lowering.error(name.span, unknown_name("function", &name.text, known)))
}

fn reduced(bound: &Bound<'_>) -> Result<Item, EvalError> {
    let ddof = bound.float("ddof")?.unwrap_or(0.0);
    let Some((op, nan)) = reduction(&bound.function, ddof) else { return Ok(Item::None) };
    if !matches!(op, Op::Var { .. } | Op::Std { .. })
        && let Some((span, _)) = bound.get("ddof")
    {
        return Err(bound.lowering.error(*span, format!("{} takes no ddof", bound.function)));
    }
    bound.done(bound.array("a")?.reduce(op, axes(bound)?, nan))
}

fn axes(bound: &Bound<'_>) -> Result<Along, EvalError> {
    let axes = bound.axes("axis")?;
    Ok(if bound.truth("keepdims")? { along(axes).keepdims() } else { axes })
}

/// The array, cast to the dtype that was named.
fn cast_first(bound: &Bound<'_>) -> Result<Lazy, EvalError> {
    let array = bound.array("a")?;
    Ok(match bound.dtype("dtype")? {
        Some(dtype) => array.astype(&dtype, Casting::Unsafe),
        None => array,
    })
}

fn summed(bound: &Bound<'_>) -> Result<Item, EvalError> {
    let Some((op, nan)) = reduction(&bound.function, 0.0) else { return Ok(Item::None) };
    bound.done(cast_first(bound)?.reduce(op, axes(bound)?, nan))
}

fn running(bound: &Bound<'_>) -> Result<Item, EvalError> {
    let mut array = cast_first(bound)?;
    let axis = match bound.int("axis")? {
        Some(axis) => axis as isize,
        None => {
            array = array.reshape(&[-1]);
            0
        }
    };
    let sum = bound.function.ends_with("sum");
    bound.done(if sum { array.cumsum(axis) } else { array.cumprod(axis) })
}

/// As NumPy computes it: the sum of the products by the sum of the weights.
fn average(bound: &Bound<'_>) -> Result<Item, EvalError> {
    let (array, along) = (bound.array("a")?, axes(bound)?);
    let Some(weights) = bound.array_if_given("weights")? else { return bound.done(array.mean(along)) };
    let shape = array.shape().map(<[usize]>::to_vec).unwrap_or_default();
    if weights.shape().is_ok_and(|own| own != shape) {
        let message = "average: weights must have the shape of the array; broadcast them first";
        return Err(bound.lowering.error(bound.span, message));
    }
    // Whole numbers are averaged in double precision at least: their products would wrap around.
    let array = in_floats(array);
    let products = &array * &weights;
    let weights = match products.dtype() {
        Ok(dtype) => weights.astype(dtype, Casting::Unsafe),
        Err(_) => weights,
    };
    bound.done(products.sum(along.clone()) / weights.sum(along))
}

fn clip(bound: &Bound<'_>) -> Result<Item, EvalError> {
    let array = bound.array("a")?;
    let (low, high) = (bound.array_if_given("min")?, bound.array_if_given("max")?);
    bound.done(match (low, high) {
        (Some(low), Some(high)) => array.clip(low, high),
        (Some(low), None) => array.maximum(low),
        (None, Some(high)) => array.minimum(high),
        (None, None) => array,
    })
}

fn nan_to_num(bound: &Bound<'_>) -> Result<Item, EvalError> {
    let nan = bound.float("nan")?.unwrap_or(0.0);
    let values = Replacements::new(nan, bound.float("posinf")?, bound.float("neginf")?);
    bound.done(bound.array("x")?.nan_to_num(values))
}

/// NumPy's: equal, or nearer than `atol + rtol * |b|` and finite.
fn isclose(bound: &Bound<'_>) -> Result<Item, EvalError> {
    let (a, b) = (bound.array("a")?, bound.array("b")?);
    let (rtol, atol) = (bound.float("rtol")?.unwrap_or(1e-5), bound.float("atol")?.unwrap_or(1e-8));
    // As NumPy does it, so that unsigned numbers have differences.
    let b = in_floats(b);
    let near = (&a - &b).abs().less_equal(b.abs() * rtol + atol);
    bound.done((near & b.isfinite()) | a.equal(&b))
}

/// Whole numbers and truth values in double precision, everything else as it is.
fn in_floats(lazy: Lazy) -> Lazy {
    let kind = lazy.dtype().ok().and_then(DType::kind);
    let is_whole = kind.is_some_and(|kind| kind == Kind::Bool || kind.is_integer());
    if is_whole { lazy.astype(&DType::native(Kind::Float64), Casting::Unsafe) } else { lazy }
}

fn astype(bound: &Bound<'_>) -> Result<Item, EvalError> {
    let casting = match bound.get("casting") {
        None => Casting::Unsafe,
        Some((span, Item::Text(text))) => {
            text.parse().map_err(|message: String| bound.lowering.error(*span, message))?
        }
        Some((span, other)) => return Err(bound.wrong(*span, "casting", "text such as 'same_kind'", other)),
    };
    let Some(dtype) = bound.dtype("dtype")? else {
        return Err(bound.lowering.error(bound.span, "astype needs a dtype: astype('f4')"));
    };
    bound.done(bound.array("x")?.astype(&dtype, casting))
}

/// `datetime64('2020-01-31', 'D')`, `timedelta64(3, 'h')`.
fn time(lowering: &Lowering<'_>, span: Span, name: &Name, given: Given) -> Result<Item, EvalError> {
    let bound = Bound::new(lowering, (span, name), given, &["value", "unit"])?;
    let unit = match bound.get("unit") {
        Some((_, Item::Text(unit))) => unit.clone(),
        Some((span, other)) => return Err(bound.wrong(*span, "unit", "text such as 'ms'", other)),
        None if name.text == "datetime64" => "us".to_owned(),
        None => return Err(lowering.error(span, "timedelta64 needs a unit: timedelta64(3, 'h')")),
    };
    let text = match bound.get("value") {
        Some((_, Item::Text(text))) => text.clone(),
        Some((_, item)) if whole(item).is_some() => whole(item).unwrap_or(0).to_string(),
        _ => return Err(lowering.error(span, format!("{} needs a value", name.text))),
    };
    let value = format!("{}[{unit}]", name.text).parse::<DType>().and_then(|dtype| {
        let mut bytes = vec![0; dtype.itemsize()];
        Value::parse(&text, &dtype)?.encode(&dtype, &mut bytes)?;
        Ok((dtype, bytes))
    });
    let (dtype, bytes) = value.map_err(|error| lowering.error(span, error.to_string()))?;
    bound.done(Lazy::from_item(&dtype, bytes))
}

/// Functions that change shapes alone.
fn shaped(lowering: &Lowering<'_>, span: Span, name: &Name, given: Given) -> Result<Item, EvalError> {
    let bound = |given, names| Bound::new(lowering, (span, name), given, names);
    let shape = |lazy: &Lazy| lazy.shape().map(<[usize]>::to_vec).unwrap_or_default();
    match &*name.text {
        "transpose" => {
            let bound = bound(given, &["a", "axes"])?;
            let axes: Option<Vec<isize>> =
                bound.ints("axes")?.map(|axes| axes.into_iter().map(|axis| axis as isize).collect());
            bound.done(bound.array("a")?.transpose(axes.as_deref()))
        }
        "ravel" => {
            let bound = bound(given, &["a"])?;
            bound.done(bound.array("a")?.reshape(&[-1]))
        }
        "reshape" => {
            let bound = bound(given, &["a", "shape"])?;
            bound.done(bound.array("a")?.reshape(&bound.ints("shape")?.unwrap_or_default()))
        }
        "broadcast_to" => {
            let bound = bound(given, &["array", "shape"])?;
            let shape: Option<Vec<usize>> = bound
                .ints("shape")?
                .unwrap_or_default()
                .into_iter()
                .map(|n| usize::try_from(n).ok())
                .collect();
            let negative = || lowering.error(span, "negative dimensions are not allowed");
            bound.done(bound.array("array")?.broadcast_to(&shape.ok_or_else(negative)?))
        }
        "expand_dims" => {
            let bound = bound(given, &["a", "axis"])?;
            let array = bound.array("a")?;
            let mut shape: Vec<i64> = shape(&array).iter().map(|&n| n as i64).collect();
            let axis = bound.int("axis")?.unwrap_or(0);
            let at = if axis < 0 { axis + shape.len() as i64 + 1 } else { axis };
            let at = usize::try_from(at).ok().filter(|&at| at <= shape.len());
            shape.insert(at.ok_or_else(|| lowering.error(span, "expand_dims: axis is out of bounds"))?, 1);
            bound.done(array.reshape(&shape))
        }
        "squeeze" => {
            let bound = bound(given, &["a"])?;
            let array = bound.array("a")?;
            let kept: Vec<i64> = shape(&array).iter().filter(|n| **n != 1).map(|&n| n as i64).collect();
            bound.done(array.reshape(&kept))
        }
        _ => {
            let bound = bound(given, &["a", "axis1", "axis2"])?;
            let array = bound.array("a")?;
            let ndim = shape(&array).len() as i64;
            let axis = |name| -> Result<usize, EvalError> {
                let axis = bound.int(name)?.unwrap_or(0);
                let at = usize::try_from(if axis < 0 { axis + ndim } else { axis }).ok();
                let wrong = || lowering.error(span, format!("axis {axis} is out of bounds"));
                at.filter(|&at| (at as i64) < ndim).ok_or_else(wrong)
            };
            let mut axes: Vec<isize> = (0..ndim as isize).collect();
            axes.swap(axis("axis1")?, axis("axis2")?);
            bound.done(array.transpose(Some(&axes)))
        }
    }
}

/// The methods of an array.
const METHODS: [&str; 26] = [
    "sum",
    "prod",
    "mean",
    "var",
    "std",
    "min",
    "max",
    "ptp",
    "argmin",
    "argmax",
    "any",
    "all",
    "cumsum",
    "cumprod",
    "round",
    "clip",
    "astype",
    "conj",
    "conjugate",
    "transpose",
    "reshape",
    "ravel",
    "flatten",
    "squeeze",
    "swapaxes",
    "view",
];

/// A method's value; the first argument is the object.
pub(super) fn method(
    lowering: &Lowering<'_>,
    span: Span,
    name: &Name,
    mut given: Given,
) -> Result<Item, EvalError> {
    let method = match &*name.text {
        "flatten" => "ravel",
        text => text,
    };
    if !METHODS.contains(&method) || method == "view" {
        let known = METHODS.iter().copied().filter(|method| *method != "view");
        return Err(lowering.error(name.span, unknown_name("method", method, known)));
    }
    // x.reshape(2, 3) and x.transpose(1, 0) take their numbers one by one too.
    if matches!(method, "reshape" | "transpose") && given.positional.len() > 2 {
        let several = given.positional.split_off(1);
        let place = several[0].0;
        given.positional.push((place, Item::Several(several)));
    }
    let name = Name { text: method.to_owned(), span: name.span };
    call(lowering, span, &name, given)
}

/// What stands behind a point.
pub(super) fn attribute(
    lowering: &Lowering<'_>,
    span: Span,
    object: &Lazy,
    name: &Name,
) -> Result<Item, EvalError> {
    let shape = || object.shape().map(<[usize]>::to_vec).unwrap_or_default();
    let number = |n: usize| Ok(Item::Array(Literal::Int(n as i128).into()));
    match &*name.text {
        "T" => lowering.checked(span, object.transpose(None)),
        "real" => lowering.checked(span, object.real()),
        "imag" => lowering.checked(span, object.imag()),
        "ndim" => number(shape().len()),
        "size" => number(shape().iter().product()),
        "itemsize" => number(object.dtype().map_or(0, DType::itemsize)),
        "dtype" => match object.dtype().ok().and_then(DType::kind) {
            Some(Kind::Void(_)) | None => {
                Err(lowering.error(span, "records have no dtype that can be used here"))
            }
            Some(_) => Ok(Item::Type(object.dtype().map(DType::numpy_str).unwrap_or_default())),
        },
        text => {
            let known = ["T", "real", "imag", "ndim", "size", "itemsize", "dtype"];
            Err(lowering.error(name.span, unknown_name("attribute", text, known)))
        }
    }
}
