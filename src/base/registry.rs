//! One line per interchangeable part.
//!
//! [`registry!`](crate::registry) turns a list of `"name" => module::Config` lines into the enum
//! that a scenario file is read into (`kind = "name"` chooses the variant, the other keys are the
//! fields of its `Config`), and into the table that `straggler list` and the property tests walk.
//!
//! Every `Config` implements the trait of its family, which says how the part is built and what its
//! properties are. The enum dereferences to that trait: code asks the choice about a part, and only
//! the part's own file knows it by name or variant.

/// A registered part: its name in scenario files and the first sentence of its documentation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Part {
    /// The word written as `kind = "..."`.
    pub name: &'static str,
    /// One line that describes it.
    pub summary: &'static str,
}

/// Declares the choice enum of a family of interchangeable parts, and the trait that each of their
/// configurations implements.
///
/// ```text
/// registry! {
///     /// How a dense or sparse group is updated.
///     pub enum OptimizerChoice: OptimizerConfig {
///         /// Plain gradient descent.
///         "sgd" => Sgd(sgd::Config),
///     }
/// }
/// ```
#[macro_export]
macro_rules! registry {
    (
        $(#[$meta:meta])*
        pub enum $choice:ident: $family:path {
            $(
                #[doc = $summary:literal]
                $(#[$gate:meta])*
                $name:literal => $variant:ident($config:ty),
            )+
        }
    ) => {
        $(#[$meta])*
        #[derive(Clone, Debug, PartialEq, serde::Serialize, serde::Deserialize, schemars::JsonSchema)]
        #[serde(tag = "kind")]
        pub enum $choice {
            $(
                #[doc = $summary]
                $(#[$gate])*
                #[serde(rename = $name)]
                $variant($config),
            )+
        }

        impl $choice {
            /// Every registered part, in the order of registration.
            pub const PARTS: &'static [$crate::base::registry::Part] = &[
                $( $(#[$gate])* $crate::base::registry::Part { name: $name, summary: $summary }, )+
            ];

            /// The name of the chosen part, as in a scenario file.
            pub fn name(&self) -> &'static str {
                match self {
                    $( $(#[$gate])* Self::$variant(_) => $name, )+
                }
            }

            /// Whether the chosen part was reconstructed, because its source could not be read.
            pub fn is_reconstructed(&self) -> bool {
                match self {
                    $( $(#[$gate])* Self::$variant(_) => $summary.contains("reconstructed"), )+
                }
            }
        }

        /// The configuration of the chosen part, as the trait of its family.
        impl std::ops::Deref for $choice {
            type Target = dyn $family;

            fn deref(&self) -> &(dyn $family + 'static) {
                match self {
                    $( $(#[$gate])* Self::$variant(config) => config, )+
                }
            }
        }
    };
}
