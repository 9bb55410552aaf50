//! One line per interchangeable part.
//!
//! [`registry!`](crate::registry) turns a list of `"name" => module::Config` lines into the enum
//! that a scenario file is read into (`kind = "name"` chooses the variant, the other keys are the
//! fields of its `Config`), and into the table that `straggler explain` and the property tests walk.
//!
//! A line may give other words for the same part, as in `"stale_synchronous" | "ssp"`.
//!
//! Every `Config` implements the trait of its family, which says how the part is built and what its
//! properties are. The enum dereferences to that trait: code asks the choice about a part, and only
//! the part's own file knows it by name or variant.

mod own;

pub use own::{OwnChoice, OwnPart, OwnParts, RegisterError, added};

/// The key that chooses between interchangeable parts.
pub const TAG: &str = "kind";

/// A registered part: its names in scenario files and the first sentence of its documentation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Part {
    /// The word written as `kind = "..."`.
    pub name: &'static str,
    /// Other words that people write for it. A scenario that was read holds the name.
    pub aliases: &'static [&'static str],
    /// One line that describes it.
    pub summary: &'static str,
}

impl Part {
    /// Whether the word is its name or one of its aliases.
    pub fn is_called(&self, word: &str) -> bool {
        self.name == word || self.aliases.contains(&word)
    }
}

/// Declares the choice enum of a family of interchangeable parts, and the trait that each of their
/// configurations implements. A program can add parts of its own to the family (`register`).
///
/// ```text
/// registry! {
///     /// How a dense or sparse group is updated.
///     pub enum OptimizerChoice: OptimizerConfig {
///         /// Plain gradient descent.
///         "sgd" | "gradient_descent" => Sgd(sgd::Config),
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
                $name:literal $(| $alias:literal)* => $variant:ident($config:ty),
            )+
        }
    ) => {
        $(#[$meta])*
        #[derive(Clone, Debug, PartialEq, serde::Serialize, serde::Deserialize, schemars::JsonSchema)]
        #[serde(tag = "kind", remote = "Self")]
        #[schemars(transform = $choice::add_own_kinds)]
        pub enum $choice {
            $(
                #[doc = $summary]
                $(#[$gate])*
                #[serde(rename = $name)]
                #[schemars(extend("x-aliases" = ([$($alias),*] as [&str; _])))]
                $variant($config),
            )+
            /// A part that the program added.
            #[serde(skip)]
            Own($crate::base::registry::OwnChoice<dyn $family + Send + Sync>),
        }

        impl $choice {
            /// Every part of this crate, in the order of registration.
            pub const PARTS: &'static [$crate::base::registry::Part] = &[
                $(
                    $(#[$gate])*
                    $crate::base::registry::Part {
                        name: $name,
                        aliases: &[$($alias),*],
                        summary: $summary,
                    },
                )+
            ];

            /// Every part that can be chosen: those of this crate, then those that were added.
            pub fn parts() -> Vec<$crate::base::registry::Part> {
                [Self::PARTS, &Self::own().parts()].concat()
            }

            /// Adds a part to the family, for all scenarios that this process reads from now on.
            /// `C` holds its settings and says how it is built. `summary` is one line for lists.
            ///
            /// # Errors
            /// If the name is taken or no plain word, or `C` is not a struct with named fields.
            pub fn register<C>(
                name: &'static str,
                summary: &'static str,
            ) -> Result<(), $crate::base::registry::RegisterError>
            where
                C: $family
                    + serde::Serialize
                    + serde::de::DeserializeOwned
                    + schemars::JsonSchema
                    + Send
                    + Sync
                    + 'static,
            {
                use $crate::base::registry::{OwnPart, Part};
                let part = Part { name, aliases: &[], summary };
                let shared = |config: C| std::sync::Arc::new(config) as std::sync::Arc<_>;
                Self::own().add(Self::PARTS, OwnPart::new(part, shared)?)
            }

            /// The parts that were added.
            fn own() -> &'static $crate::base::registry::OwnParts<dyn $family + Send + Sync> {
                static OWN: $crate::base::registry::OwnParts<dyn $family + Send + Sync> =
                    $crate::base::registry::OwnParts::new();
                &OWN
            }

            fn add_own_kinds(schema: &mut schemars::Schema) {
                Self::own().extend(schema);
            }

            /// The name of the chosen part, as in a scenario file.
            pub fn name(&self) -> &'static str {
                match self {
                    $( $(#[$gate])* Self::$variant(_) => $name, )+
                    Self::Own(own) => own.part().name,
                }
            }

            /// Whether the chosen part was reconstructed, because its source could not be read.
            pub fn is_reconstructed(&self) -> bool {
                let summary = match self {
                    $( $(#[$gate])* Self::$variant(_) => $summary, )+
                    Self::Own(own) => own.part().summary,
                };
                summary.contains("reconstructed")
            }
        }

        impl serde::Serialize for $choice {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                match self {
                    Self::Own(own) => serde::Serialize::serialize(own, serializer),
                    // The derived function of the same name.
                    built_in => Self::serialize(built_in, serializer),
                }
            }
        }

        impl<'de> serde::Deserialize<'de> for $choice {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                if Self::own().is_empty() {
                    return Self::deserialize(deserializer);
                }
                let settings = <serde_json::Value as serde::Deserialize>::deserialize(deserializer)?;
                let own = Self::own().read(&settings).map_err(serde::de::Error::custom)?;
                match own {
                    Some(own) => Ok(Self::Own(own)),
                    None => Self::deserialize(settings).map_err(serde::de::Error::custom),
                }
            }
        }

        /// The configuration of the chosen part, as the trait of its family.
        impl std::ops::Deref for $choice {
            type Target = dyn $family;

            fn deref(&self) -> &(dyn $family + 'static) {
                match self {
                    $( $(#[$gate])* Self::$variant(config) => config, )+
                    Self::Own(own) => own.config(),
                }
            }
        }
    };
}
