//! Numbers and plain enums across the language boundary.

/// A count; one beyond 32 bits is shown as the largest there is.
pub(crate) fn count(number: usize) -> u32 {
    u32::try_from(number).unwrap_or(u32::MAX)
}

/// A limit; one that this machine cannot count to is none.
pub(crate) fn limit(number: u32) -> usize {
    usize::try_from(number).unwrap_or(usize::MAX)
}

/// Enums of core that have no fields, variant by variant: one that only one side has does not compile.
macro_rules! mirror {
    ($($(#[$about:meta])* $name:ident = $core:ty { $($(#[$doc:meta])* $variant:ident,)+ })+) => {$(
        $(#[$about])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, uniffi::Enum)]
        pub enum $name {
            $($(#[$doc])* $variant,)+
        }

        impl From<$core> for $name {
            fn from(value: $core) -> Self {
                match value {
                    $(<$core>::$variant => Self::$variant,)+
                }
            }
        }

        impl From<$name> for $core {
            fn from(value: $name) -> Self {
                match value {
                    $($name::$variant => Self::$variant,)+
                }
            }
        }
    )+};
}

pub(crate) use mirror;
