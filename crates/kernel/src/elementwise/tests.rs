use super::*;

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
    add.run(&[&a, &a], &mut out, &mut conditions).unwrap();
    let want: Vec<u8> = (0..1000).flat_map(|i| (2.0 * i as f32).to_ne_bytes()).collect();
    assert_eq!(out, want);
    assert!(conditions.is_empty());
}
