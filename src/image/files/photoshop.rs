//! Photoshop's resources, the wrapping in which JPEG, TIFF and PNG carry IPTC.

/// The number of the resource that is IPTC.
const IPTC: u16 = 0x0404;

/// The datasets of IPTC among resources.
pub(super) fn iptc(mut resources: &[u8]) -> Option<Vec<u8>> {
    loop {
        // A signature, most often 8BIM, the number, a name of even length, the length of the data.
        let (id, rest) = resources.get(4..)?.split_at_checked(2)?;
        let name = 1 + usize::from(*rest.first()?);
        let (length, rest) = rest.get(name.next_multiple_of(2)..)?.split_at_checked(4)?;
        let length = u32::from_be_bytes(length.try_into().ok()?) as usize;
        let data = rest.get(..length)?;
        if id == IPTC.to_be_bytes() && !data.is_empty() {
            return Some(data.to_vec());
        }
        resources = rest.get(length.next_multiple_of(2)..)?;
    }
}

/// Resources that are these datasets of IPTC.
pub(super) fn resources(iptc: &[u8]) -> Vec<u8> {
    let length = (iptc.len() as u32).to_be_bytes();
    let padding = &[0][..iptc.len() % 2];
    [b"8BIM", &IPTC.to_be_bytes()[..], &[0, 0], &length, iptc, padding].concat()
}
