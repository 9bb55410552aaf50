//! The frame around each event of an event file, called TFRecord: length, checksum of the length,
//! the event, checksum of the event; all numbers little-endian.
//!
//! Checksums are CRC-32C (Castagnoli, as in RFC 3720), rotated by 15 bits and shifted by a
//! constant. The format does this because a checksum is weak for data that contain checksums.

/// CRC-32C of every byte, with the polynomial's bits in reverse.
const TABLE: [u32; 256] = {
    let mut table = [0; 256];
    let mut byte = 0;
    while byte < 256 {
        let mut value = byte as u32;
        let mut bit = 0;
        while bit < 8 {
            value = if value & 1 == 1 { (value >> 1) ^ 0x82f6_3b78 } else { value >> 1 };
            bit += 1;
        }
        table[byte] = value;
        byte += 1;
    }
    table
};

/// CRC-32C.
pub(super) fn crc32c(bytes: &[u8]) -> u32 {
    let step = |crc: u32, byte: &u8| (crc >> 8) ^ TABLE[usize::from(crc as u8 ^ byte)];
    !bytes.iter().fold(!0, step)
}

/// The checksum as it is stored.
pub(super) fn masked(crc: u32) -> u32 {
    crc.rotate_right(15).wrapping_add(0xa282_ead8)
}

/// Adds an event to a file.
pub(super) fn push(file: &mut Vec<u8>, event: &[u8]) {
    let length = (event.len() as u64).to_le_bytes();
    file.extend_from_slice(&length);
    file.extend_from_slice(&masked(crc32c(&length)).to_le_bytes());
    file.extend_from_slice(event);
    file.extend_from_slice(&masked(crc32c(event)).to_le_bytes());
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn checksums_are_those_of_the_standard() {
        // RFC 3720, B.4.
        assert_eq!(crc32c(&[0; 32]), 0x8a91_36aa);
        assert_eq!(crc32c(&[0xff; 32]), 0x62a8_ab43);
        assert_eq!(crc32c(&(0..32).collect::<Vec<u8>>()), 0x46dd_794e);
        assert_eq!(crc32c(b"123456789"), 0xe306_9283);
    }

    #[test]
    fn a_frame_holds_its_event() {
        let mut file = Vec::new();
        push(&mut file, b"abc");
        assert_eq!(file.len(), 8 + 4 + 3 + 4);
        assert_eq!(&file[..8], &[3, 0, 0, 0, 0, 0, 0, 0]);
        assert_eq!(&file[12..15], b"abc");
        assert_eq!(file[15..], masked(crc32c(b"abc")).to_le_bytes());
    }
}
