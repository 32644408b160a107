package layout

import "bytes"

// Slots is the number of hash slots of a Redis cluster.
const Slots = 16384

// Slot returns the hash slot of key as Redis Cluster counts it: CRC16 (XMODEM) of the key modulo 16384. Where the key
// holds a non-empty hash tag, only the bytes between the first '{' and the next '}' count.
// Source: https://redis.io/docs/reference/cluster-spec/#hash-tags
func Slot(key []byte) uint16 {
	if open := bytes.IndexByte(key, '{'); open >= 0 {
		if n := bytes.IndexByte(key[open+1:], '}'); n > 0 {
			key = key[open+1 : open+1+n]
		}
	}
	return crc16(key) % Slots
}

// crc16 is CRC-16/XMODEM: polynomial 0x1021, start 0, no reflection. It takes four bytes at a time: none of their
// four look-ups waits for another.
func crc16(b []byte) uint16 {
	var crc uint16
	for ; len(b) >= 4; b = b[4:] {
		crc = crc16Tables[3][byte(crc>>8)^b[0]] ^ crc16Tables[2][byte(crc)^b[1]] ^ crc16Tables[1][b[2]] ^ crc16Tables[0][b[3]]
	}
	for _, c := range b {
		crc = crc<<8 ^ crc16Tables[0][byte(crc>>8)^c]
	}
	return crc
}

// crc16Tables[n] holds the CRC of each byte followed by n zeros.
var crc16Tables = makeCRC16Tables()

func makeCRC16Tables() (t [4][256]uint16) {
	for n := range t {
		for i := range t[n] {
			crc := uint16(i) << 8
			for range 8 * (n + 1) {
				if crc&0x8000 != 0 {
					crc = crc<<1 ^ 0x1021
				} else {
					crc <<= 1
				}
			}
			t[n][i] = crc
		}
	}
	return t
}
