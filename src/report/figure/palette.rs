//! The colours of series in light pages and in pictures.

/// The colours in order, red, green and blue. They began as those of Okabe and Ito, and were made
/// dark enough for thin lines on white and different in lightness, so that people with any colour
/// vision can distinguish them; a dark grey is the last. `report.css` has the same colours, and
/// brighter ones for dark pages.
pub const SERIES: [(u8, u8, u8); 7] = [
    (0x00, 0x72, 0xb2),
    (0xd5, 0x5e, 0x00),
    (0x00, 0x7a, 0x4d),
    (0xb0, 0x50, 0x8a),
    (0x80, 0x60, 0x00),
    (0x8a, 0x4d, 0xff),
    (0x3a, 0x3f, 0x45),
];

#[cfg(test)]
mod tests {
    use super::*;

    const STYLE: &str = include_str!("../html/assets/report.css");

    /// Red, green and blue light, from 0 to 1.
    type Light = [f64; 3];

    fn light(colour: (u8, u8, u8)) -> Light {
        [colour.0, colour.1, colour.2].map(|channel| {
            let share = f64::from(channel) / 255.0;
            if share <= 0.04045 { share / 12.92 } else { ((share + 0.055) / 1.055).powf(2.4) }
        })
    }

    fn times(matrix: &[Light; 3], light: Light) -> Light {
        matrix.map(|row| row.iter().zip(light).map(|(a, b)| a * b).sum::<f64>())
    }

    /// Normal vision, and the three kinds of dichromacy (Machado, Oliveira and Fernandes 2009).
    const VISIONS: [[Light; 3]; 4] = [
        [[1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]],
        [
            [0.152286, 1.052583, -0.204868],
            [0.114503, 0.786281, 0.099216],
            [-0.003882, -0.048116, 1.051998],
        ],
        [
            [0.367322, 0.860646, -0.227968],
            [0.280085, 0.672501, 0.047413],
            [-0.011820, 0.042940, 0.968881],
        ],
        [
            [1.255528, -0.076749, -0.178779],
            [-0.078411, 0.930809, 0.147602],
            [0.004733, 0.691367, 0.303900],
        ],
    ];

    /// Lightness and two axes of colour (Ottosson 2020): equal distances look equally different.
    fn seen(light: Light) -> Light {
        let cones = times(
            &[
                [0.4122214708, 0.5363325363, 0.0514459929],
                [0.2119034982, 0.6806995451, 0.1073969566],
                [0.0883024619, 0.2817188376, 0.6299787005],
            ],
            light,
        );
        times(
            &[
                [0.2104542553, 0.7936177850, -0.0040720468],
                [1.9779984951, -2.4285922050, 0.4505937099],
                [0.0259040371, 0.7827717662, -0.8086757660],
            ],
            cones.map(f64::cbrt),
        )
    }

    fn distance(a: Light, b: Light, vision: &[Light; 3]) -> f64 {
        let look = |light| seen(times(vision, light).map(|channel| channel.clamp(0.0, 1.0)));
        look(a).iter().zip(look(b)).map(|(a, b)| (a - b).powi(2)).sum::<f64>().sqrt()
    }

    fn contrast(a: Light, b: Light) -> f64 {
        let bright = |l: Light| 0.05 + 0.2126 * l[0] + 0.7152 * l[1] + 0.0722 * l[2];
        bright(a).max(bright(b)) / bright(a).min(bright(b))
    }

    /// The last colour of this name in the style: that of dark pages.
    fn dark(name: &str) -> (u8, u8, u8) {
        let begin = STYLE.rfind(&format!("--{name}: #")).unwrap() + name.len() + 5;
        let channel = |i: usize| u8::from_str_radix(&STYLE[begin + i..begin + i + 2], 16).unwrap();
        (channel(0), channel(2), channel(4))
    }

    #[test]
    fn any_two_colours_differ_for_any_vision_and_all_stand_out_from_the_page() {
        let series = |number: usize| dark(&format!("series-{number}"));
        let of_dark = std::array::from_fn(series);
        for (colours, ground) in [(SERIES, (255, 255, 255)), (of_dark, dark("ground"))] {
            for (number, colour) in colours.into_iter().enumerate() {
                assert!(contrast(light(colour), light(ground)) > 3.5, "{number}");
                for (other, second) in colours.into_iter().enumerate().skip(number + 1) {
                    for vision in &VISIONS {
                        let apart = distance(light(colour), light(second), vision);
                        assert!(apart > 0.04, "{number} and {other}: {apart}");
                    }
                }
            }
        }
    }

    #[test]
    fn pages_have_the_colours_of_pictures() {
        for (number, (red, green, blue)) in SERIES.into_iter().enumerate() {
            let line = format!("--series-{number}: #{red:02x}{green:02x}{blue:02x};");
            assert!(STYLE.contains(&line), "{line}");
            assert!(STYLE.contains(&format!("svg .ink-{number} {{")), "{number}");
        }
    }
}
