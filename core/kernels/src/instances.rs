//! The instances of generic kernels, chosen by what is known at run time only, and the loop around them. Macros, because what they
//! call wants the instruction set of the function that it stands in.

/// Calls the instance of a kernel for a panel's rows: `packed::<ROWS>(...)`, or with further parameters behind it.
macro_rules! for_rows {
    ($rows:expr, $packed:ident $(::<$more:literal>)? ($($arguments:tt)*)) => {
        match $rows {
            1 => $packed::<1 $(, $more)?>($($arguments)*),
            2 => $packed::<2 $(, $more)?>($($arguments)*),
            3 => $packed::<3 $(, $more)?>($($arguments)*),
            4 => $packed::<4 $(, $more)?>($($arguments)*),
            5 => $packed::<5 $(, $more)?>($($arguments)*),
            6 => $packed::<6 $(, $more)?>($($arguments)*),
            7 => $packed::<7 $(, $more)?>($($arguments)*),
            _ => $packed::<8 $(, $more)?>($($arguments)*),
        }
    };
}
pub(crate) use for_rows;

/// Calls the instance of a kernel for a panel's rows and the bits of a code: `packed::<ROWS, BITS>(...)`.
macro_rules! for_panel {
    ($rows:expr, $bits:expr, $packed:ident ($($arguments:tt)*)) => {
        match $bits {
            Bits::Four => $crate::instances::for_rows!($rows, $packed::<4>($($arguments)*)),
            Bits::Five => $crate::instances::for_rows!($rows, $packed::<5>($($arguments)*)),
            Bits::Six => $crate::instances::for_rows!($rows, $packed::<6>($($arguments)*)),
            Bits::Eight => $crate::instances::for_rows!($rows, $packed::<8>($($arguments)*)),
        }
    };
}
pub(crate) use for_panel;

/// All tiles by all panels: `multiply` computes one of each into `found`, which goes to its place in the results.
macro_rules! each_panel {
    (($weights:expr, $tiles:expr, $activations:expr) => $results:expr, |$tile:ident, $panel:ident, $found:ident| $multiply:expr) => {
        let mut $found = $crate::tile::Results::default();
        let mut at = 0;
        for ($tile, columns) in $weights.tiles($tiles) {
            let mut rows = $results.iter_mut();
            for $panel in $activations.panels() {
                $multiply;
                $crate::tile::store(&$found, rows.by_ref().take($panel.rows), at, columns.len());
            }
            at += columns.len();
        }
    };
}
pub(crate) use each_panel;
