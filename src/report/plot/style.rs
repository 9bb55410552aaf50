//! How every plot looks: one palette, one set of sizes. Lengths are in the units of the picture,
//! 1600 x 1000.

/// A colour with its opacity.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Ink {
    /// Red, green, blue.
    pub rgb: (u8, u8, u8),
    /// 0 invisible, 1 solid.
    pub alpha: f64,
}

impl Ink {
    const fn solid(r: u8, g: u8, b: u8) -> Ink {
        Ink { rgb: (r, g, b), alpha: 1.0 }
    }

    /// The same colour at another opacity.
    pub const fn fade(self, alpha: f64) -> Ink {
        Ink { rgb: self.rgb, alpha }
    }
}

/// Blue of the palette: the server, computing.
pub const BLUE: Ink = Ink::solid(0, 114, 178);
/// Vermilion: what went wrong or deserves a look.
pub const VERMILION: Ink = Ink::solid(213, 94, 0);
/// Bluish green.
pub const GREEN: Ink = Ink::solid(0, 158, 115);
/// Reddish purple.
pub const PURPLE: Ink = Ink::solid(204, 121, 167);
/// Orange: the network.
pub const ORANGE: Ink = Ink::solid(230, 159, 0);
/// Sky blue.
pub const SKY: Ink = Ink::solid(86, 180, 233);
/// Text and axes.
pub const BLACK: Ink = Ink::solid(34, 34, 34);
/// Secondary text.
pub const GREY: Ink = Ink::solid(95, 99, 104);
/// Waiting, and what stays in the background.
pub const PALE: Ink = Ink::solid(205, 208, 212);
/// The mesh.
pub const MESH: Ink = Ink::solid(232, 234, 237);
/// The paper.
pub const WHITE: Ink = Ink::solid(255, 255, 255);

/// The order in which categories take colours: Okabe and Ito's palette, which people with any
/// colour vision can tell apart, without its yellow (too light for lines) and with black last.
pub const CATEGORIES: [Ink; 7] = [BLUE, VERMILION, GREEN, PURPLE, ORANGE, SKY, BLACK];

/// Font size of the title.
pub const TITLE: f64 = 34.0;
/// Font size of the subtitle.
pub const SUBTITLE: f64 = 22.0;
/// Font size of axis titles, legends and labels within the data.
pub const LABEL: f64 = 20.0;
/// Font size of tick labels.
pub const TICK: f64 = 19.0;
/// Font size where many labels must fit.
pub const SMALL: f64 = 15.0;

/// Width of the line that matters.
pub const HEAVY: f64 = 3.5;
/// Width of other data lines.
pub const NORMAL: f64 = 2.5;
/// Width of background lines and of the mesh.
pub const THIN: f64 = 1.25;
