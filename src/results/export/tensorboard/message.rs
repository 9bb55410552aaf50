//! Protocol buffer messages, encoded by hand: TensorBoard has few and small ones, and their field
//! numbers never change.

/// A message that is being put together, field by field.
#[derive(Default)]
pub(super) struct ProtoMessage {
    pub(super) bytes: Vec<u8>,
}

impl ProtoMessage {
    fn raw_varint(&mut self, mut value: u64) {
        while value >= 0x80 {
            self.bytes.push(value as u8 | 0x80);
            value >>= 7;
        }
        self.bytes.push(value as u8);
    }

    fn key(&mut self, field: u32, wire_type: u32) {
        self.raw_varint(u64::from(field << 3 | wire_type));
    }

    /// A whole number, an enumeration or a flag.
    pub(super) fn whole(mut self, field: u32, value: u64) -> ProtoMessage {
        self.key(field, 0);
        self.raw_varint(value);
        self
    }

    pub(super) fn double(mut self, field: u32, value: f64) -> ProtoMessage {
        self.key(field, 1);
        self.bytes.extend_from_slice(&value.to_le_bytes());
        self
    }

    pub(super) fn float(mut self, field: u32, value: f32) -> ProtoMessage {
        self.key(field, 5);
        self.bytes.extend_from_slice(&value.to_le_bytes());
        self
    }

    pub(super) fn bytes(mut self, field: u32, value: &[u8]) -> ProtoMessage {
        self.key(field, 2);
        self.raw_varint(value.len() as u64);
        self.bytes.extend_from_slice(value);
        self
    }

    pub(super) fn text(self, field: u32, value: &str) -> ProtoMessage {
        self.bytes(field, value.as_bytes())
    }

    pub(super) fn message(self, field: u32, value: &ProtoMessage) -> ProtoMessage {
        self.bytes(field, &value.bytes)
    }

    /// A packed list.
    pub(super) fn doubles(self, field: u32, values: &[f64]) -> ProtoMessage {
        let bytes: Vec<u8> = values.iter().flat_map(|value| value.to_le_bytes()).collect();
        self.bytes(field, &bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_are_encoded_as_the_format_says() {
        // 150 in field 1, "testing" in field 2: the examples of the format's description.
        assert_eq!(ProtoMessage::default().whole(1, 150).bytes, [0x08, 0x96, 0x01]);
        let text = ProtoMessage::default().text(2, "testing").bytes;
        assert_eq!(text, [&[0x12, 0x07][..], b"testing"].concat());
        let nested =
            ProtoMessage::default().message(3, &ProtoMessage::default().whole(1, 150)).bytes;
        assert_eq!(nested, [0x1a, 0x03, 0x08, 0x96, 0x01]);
        assert_eq!(ProtoMessage::default().float(2, 1.0).bytes, [0x15, 0, 0, 0x80, 0x3f]);
    }
}
