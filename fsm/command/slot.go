package command

import (
	"bytes"

	"cairn/fsm/reply"
	"cairn/storage"
	"cairn/storage/keys"
	"cairn/storage/layout"
)

// What one CLUSTER GETKEYSINSLOT answers at most, whatever its count says.
const (
	maxSlotKeys  = 1 << 16
	maxSlotBytes = 1 << 20 // of keys, and one key more
)

func parseSlotCount(argv [][]byte) (uint16, error) {
	slot, err := parseInt64(argv[1])
	if err == nil && (slot < 0 || slot >= layout.Slots) {
		err = reply.UserError("ERR Invalid slot")
	}
	return uint16(slot), err
}

// runSlotCount walks the slot: its keys are counted nowhere.
func runSlotCount(env Env, r storage.Reader, slot uint16) (reply.Reply, error) {
	n := int64(0)
	from, to := keys.SlotRange(slot)
	err := keys.WalkRange(r, env.DB, from, to, func(layout.Position, []byte, layout.Row) (bool, error) {
		n++
		return true, nil
	})
	return reply.Int(n), err
}

// slotKeysParams is what asks for keys of a slot.
type slotKeysParams struct {
	slot  uint16
	count int
}

func parseSlotKeys(argv [][]byte) (slotKeysParams, error) {
	slot, err := parseInt64(argv[1])
	if err != nil {
		return slotKeysParams{}, err
	}
	count, err := parseInt64(argv[2])
	if err == nil && (slot < 0 || slot >= layout.Slots || count < 0) {
		err = reply.UserError("ERR Invalid slot or number of keys")
	}
	return slotKeysParams{uint16(slot), int(min(count, maxSlotKeys))}, err
}

func runSlotKeys(env Env, r storage.Reader, p slotKeysParams) (reply.Reply, error) {
	var found []reply.Reply
	if p.count == 0 {
		return reply.ArrayOf(), nil
	}
	size := 0
	from, to := keys.SlotRange(p.slot)
	err := keys.WalkRange(r, env.DB, from, to, func(_ layout.Position, key []byte, _ layout.Row) (bool, error) {
		found = append(found, reply.BulkBytes(bytes.Clone(key)))
		size += len(key)
		return len(found) < p.count && size < maxSlotBytes, nil
	})
	return reply.ArrayOf(found...), err
}
