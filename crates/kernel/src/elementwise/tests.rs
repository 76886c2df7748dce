use ndfolio_store::Bytes;

use super::*;
use crate::KernelError;

fn array(dtype: &str) -> Operand {
    Operand::Array(dtype.parse().unwrap())
}

#[test]
fn names_are_found() {
    for ufunc in Ufunc::all() {
        assert_eq!(Ufunc::from_name(ufunc.name()), Some(ufunc));
    }
    assert_eq!(Ufunc::from_name("abs"), Some(Ufunc::Absolute));
    assert_eq!(Ufunc::from_name("bitwise_left_shift"), Some(Ufunc::LeftShift));
    assert_eq!(Ufunc::from_name("sum"), None);
}

#[test]
fn add_of_singles() {
    let add = Ufunc::Add.resolve(&[array("<f4"), array("<i2")]).unwrap();
    assert_eq!(add.output().to_string(), "<f4");
    let a: Vec<u8> = (0..1000).flat_map(|i| (i as f32).to_ne_bytes()).collect();
    let (mut out, mut conditions) = (vec![0; 4000], Conditions::default());
    add.run(&[(&a).into(), (&a).into()], &mut out, &mut conditions).unwrap();
    let want: Vec<u8> = (0..1000).flat_map(|i| (2.0 * i as f32).to_ne_bytes()).collect();
    assert_eq!(out, want);
    assert!(conditions.is_empty());
}

fn int(n: i128) -> Operand {
    Operand::Literal(Literal::Int(n))
}

fn float(x: f64) -> Operand {
    Operand::Literal(Literal::Float(x))
}

/// The result for one item of each operand, literals encoded as the loop wants them.
fn one(ufunc: Ufunc, operands: &[(Operand, &[u8])]) -> (DType, Vec<u8>, Conditions) {
    let kinds: Vec<Operand> = operands.iter().map(|(operand, _)| operand.clone()).collect();
    let found = ufunc.resolve(&kinds).unwrap();
    let inputs: Vec<Vec<u8>> = operands
        .iter()
        .zip(found.inputs())
        .map(|((operand, item), to)| match operand {
            Operand::Literal(literal) => literal.encode(to).unwrap(),
            Operand::Array(from) => {
                let mut out = vec![0; to.itemsize()];
                crate::Caster::new(from, to, crate::Casting::Unsafe)
                    .unwrap()
                    .apply(&mut item.to_vec(), &mut out);
                out
            }
        })
        .collect();
    let slices: Vec<Bytes<'_>> = inputs.iter().map(Bytes::from).collect();
    let (mut out, mut conditions) = (vec![0; found.output().itemsize()], Conditions::default());
    found.run(&slices, &mut out, &mut conditions).unwrap();
    (found.output().clone(), out, conditions)
}

#[test]
fn integers_of_the_program_are_compared_with_any_dtype() {
    let byte = |n: u8| (array("u1"), [n]);
    for (ufunc, other, turned, want) in [
        (Ufunc::Less, 300, false, 1),
        (Ufunc::Less, 300, true, 0),
        (Ufunc::GreaterEqual, -1, false, 1),
        (Ufunc::GreaterEqual, -1, true, 0),
        (Ufunc::Equal, -1, false, 0),
        (Ufunc::NotEqual, 1 << 70, true, 1),
        (Ufunc::Greater, 4, false, 1),
    ] {
        let (operand, item) = byte(5);
        let mut operands = [(operand, &item[..]), (int(other), &[][..])];
        if turned {
            operands.swap(0, 1);
        }
        assert_eq!(one(ufunc, &operands).1, [want], "{ufunc} {other} {turned}");
    }
    let most = u64::MAX.to_ne_bytes();
    let minus = (-1_i64).to_ne_bytes();
    let operands = [(array("i8"), &minus[..]), (array("u8"), &most[..])];
    assert_eq!(one(Ufunc::Equal, &operands).1, [0]);
    assert_eq!(one(Ufunc::Less, &operands).1, [1]);
}

#[test]
fn literals_give_way() {
    let error = Literal::Int(300).encode(&"u1".parse().unwrap()).unwrap_err();
    assert_eq!(error.to_string(), "Python integer 300 out of bounds for uint8");
    assert_eq!(
        Literal::Float(1e300).encode(&"f4".parse().unwrap()),
        Ok(f32::INFINITY.to_ne_bytes().to_vec())
    );
    assert_eq!(result_type(&[array("u1"), array("i1"), int(300)]).unwrap().to_string(), "<i2");
    assert_eq!(result_type(&[array("<f2"), float(1.0), array("i2")]).unwrap().to_string(), "<f4");
    // NumPy leaves out bounds of the program that an integer dtype does not have.
    let (dtype, out, _) = one(Ufunc::Clip, &[(array("u1"), &[200]), (int(-1), &[]), (int(300), &[])]);
    assert_eq!((dtype.to_string(), out), ("|u1".to_owned(), vec![200]));
    let (_, out, _) = one(Ufunc::Clip, &[(array("u1"), &[200]), (int(-1), &[]), (int(100), &[])]);
    assert_eq!(out, [100]);
    // The power of a half is a square root, of which minus zero has one.
    let zero = (-0.0_f32).to_ne_bytes();
    assert_eq!(one(Ufunc::Power, &[(array("<f4"), &zero), (float(0.5), &[])]).1, zero);
}

#[test]
fn refusals_are_numpys() {
    let said = |ufunc: Ufunc, operands: &[Operand]| ufunc.resolve(operands).unwrap_err().to_string();
    let truth = [array("?"), array("?")];
    assert!(
        said(Ufunc::Subtract, &truth)
            .starts_with("numpy boolean subtract, the `-` operator, is not supported")
    );
    assert!(said(Ufunc::Negative, &truth[..1]).starts_with("The numpy boolean negative, the `-` operator"));
    assert_eq!(
        said(Ufunc::BitwiseAnd, &[array("<f4"), int(1)]),
        "ufunc 'bitwise_and' not supported for the input types, and the inputs could not be safely coerced to any \
         supported types according to the casting rule ''safe''; the operands are float32 and int64; it takes integers, cast to them first"
    );
    assert_eq!(
        said(Ufunc::Add, &[array("<M8[D]"), float(1.5)]),
        "ufunc 'add' cannot use operands with types dtype('<M8[D]') and dtype('<f8')"
    );
    assert_eq!(
        said(Ufunc::Less, &[array("<U3"), array("<i8")]),
        "ufunc 'less' did not contain a loop with signature matching types (<class 'numpy.dtypes.StrDType'>, \
         <class 'numpy.dtypes.Int64DType'>) -> None"
    );
    assert_eq!(
        result_type(&[array("<m8[Y]"), array("<m8[D]")]).unwrap_err().to_string(),
        "Cannot get a common metadata divisor for Numpy datetime metadata [Y] and [D] because they have \
         incompatible nonlinear base time units."
    );
    assert_eq!(said(Ufunc::Isnat, &[array("<i8")]), KernelError::NotATime.to_string());
    let power = Ufunc::Power.resolve(&[array("<i8"), array("<i8")]).unwrap();
    let (items, mut out) = ([2_i64.to_ne_bytes(), (-1_i64).to_ne_bytes()], [0; 8]);
    let ran = power.run(&[(&items[0]).into(), (&items[1]).into()], &mut out, &mut Conditions::default());
    assert_eq!(ran, Err(KernelError::NegativePower));
}

#[test]
fn times_and_numbers() {
    let count = |bytes: Vec<u8>| i64::from_ne_bytes(bytes.try_into().unwrap());
    let (days, seconds, nat) = (7_i64.to_ne_bytes(), (-7_i64).to_ne_bytes(), i64::MIN.to_ne_bytes());
    let (length, half) = (array("<m8[s]"), 2.5_f64.to_ne_bytes());
    let (dtype, out, _) = one(Ufunc::Add, &[(array("<M8[D]"), &days), (length.clone(), &seconds)]);
    assert_eq!((dtype.to_string(), count(out)), ("<M8[s]".to_owned(), 7 * 86_400 - 7));
    let (_, out, _) = one(Ufunc::Multiply, &[(array("<f8"), &half), (length.clone(), &seconds)]);
    assert_eq!(count(out), -17);
    // NumPy divides a time by a number towards zero, and by a time downwards.
    let (_, out, _) = one(Ufunc::FloorDivide, &[(length.clone(), &seconds), (int(2), &[])]);
    assert_eq!(count(out), -3);
    let two = 2_i64.to_ne_bytes();
    let (_, out, _) = one(Ufunc::FloorDivide, &[(length.clone(), &seconds), (length.clone(), &two)]);
    assert_eq!(count(out), -4);
    let (_, out, conditions) = one(Ufunc::FloorDivide, &[(length.clone(), &nat), (length.clone(), &two)]);
    assert_eq!((count(out), conditions.invalid), (0, 1));
    let (_, out, _) = one(Ufunc::Divide, &[(length.clone(), &seconds), (length.clone(), &two)]);
    assert_eq!(out, (-3.5_f64).to_ne_bytes());
    assert_eq!(one(Ufunc::Equal, &[(length.clone(), &nat), (length, &nat)]).1, [0]);
}

#[test]
fn choices_and_text() {
    let (a, b) = (array("S1"), array("S3"));
    assert_eq!(one(Ufunc::Equal, &[(a.clone(), b"a"), (b.clone(), b"a\0\0")]).1, [1]);
    assert_eq!(one(Ufunc::Less, &[(a.clone(), b"a"), (b.clone(), b"ab\0")]).1, [1]);
    let (dtype, out, _) = one(Ufunc::Where, &[(array("<f4"), &[0; 4]), (a, b"x"), (b, b"abc")]);
    assert_eq!((dtype.to_string(), &out[..]), ("|S3".to_owned(), &b"abc"[..]));
    let (dtype, out, _) = one(Ufunc::Where, &[(array("?"), &[1]), (array("u1"), &[9]), (int(7), &[])]);
    assert_eq!((dtype.to_string(), out), ("|u1".to_owned(), vec![9]));
}

#[test]
fn halves_are_rounded_as_one_by_one() {
    let near = |bits: u32| (bits.saturating_sub(2)..=bits.saturating_add(2)).map(f32::from_bits);
    for bits in (0..=u32::MAX).step_by(0x0fff).chain((0..=u32::MAX >> 12).map(|high| high << 12)) {
        for x in near(bits).filter(|x| !x.is_nan()) {
            assert_eq!(narrow(x), ::half::f16::from_f32(x).to_bits(), "{x:e}");
        }
    }
    assert!(::half::f16::from_bits(narrow(f32::NAN)).is_nan());
}

/// Whether a function looks at its results, and how, makes no difference to what is counted.
#[test]
fn what_is_counted_of_elementary_functions() {
    use Ufunc::*;
    let (inf, nan) = (f32::INFINITY, f32::NAN);
    let odd = [inf, -inf, nan, 1000.0, -1000.0, 0.0, -0.0, -1.0, 2.0, 1e-42, -1e-42, 1e30];
    for ufunc in [Exp, Exp2, Expm1, Log, Log2, Log10, Log1p, Sin, Tan, Arctan, Tanh, Arcsinh, Arctanh, Cbrt] {
        let found = ufunc.resolve(&[array("f4")]).unwrap();
        for at in [0, 127, 128, 300] {
            for x in odd {
                let mut items = [0.5_f32; 301];
                items[at] = x;
                let bytes: Vec<u8> = items.iter().flat_map(|x| x.to_ne_bytes()).collect();
                let (mut out, mut conditions) = (vec![0; bytes.len()], Conditions::default());
                found.run(&[(&bytes).into()], &mut out, &mut conditions).unwrap();
                let result = f32::from_ne_bytes(*out[4 * at..].first_chunk().unwrap());
                let infinite = u64::from(result.is_infinite() && !x.is_infinite());
                let exact = matches!(ufunc, Log | Log2 | Log10 | Log1p | Arctanh);
                let (divide, overflow) = if exact { (infinite, 0) } else { (0, infinite) };
                let invalid = u64::from(result.is_nan() && !x.is_nan());
                assert_eq!(conditions, Conditions { divide, overflow, invalid }, "{ufunc:?} of {x}");
            }
        }
    }
}
