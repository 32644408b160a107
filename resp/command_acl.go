package resp

import (
	"slices"
	"strings"

	"cairn/fsm/command"
)

// aclCategories are the ACL categories in the order in which Redis lists them.
func aclCategories() []string {
	return []string{
		"keyspace", "read", "write", "set", "sortedset", "list", "hash", "string", "bitmap", "hyperloglog", "geo", "stream",
		"pubsub", "admin", "fast", "slow", "blocking", "dangerous", "connection", "transaction", "scripting",
	}
}

// categoriesOf returns the ACL categories of a row: those that its flags give, and with them those it says itself, or its
// group's. A container has no group's. Source: Redis 7.0, setImplicitACLCategories.
func categoriesOf(row *command.Spec) []string {
	own := strings.Fields(row.ACL)
	if len(own) == 0 && row.Exec != nil {
		own = groupCategory(row.Group)
	}
	for _, implied := range []struct {
		flag       command.Flags
		categories []string
	}{
		{command.FlagWrite, []string{"write"}},
		{command.FlagAdmin, []string{"admin", "dangerous"}},
		{command.FlagPubSub, []string{"pubsub"}},
		{command.FlagBlocking, []string{"blocking"}},
	} {
		if row.Flags&implied.flag != 0 {
			own = append(own, implied.categories...)
		}
	}
	if row.Flags&command.FlagReadOnly != 0 && !slices.Contains(own, "scripting") {
		own = append(own, "read")
	}
	if row.Flags&command.FlagFast != 0 {
		return append(own, "fast")
	}
	return append(own, "slow")
}

// groupCategory returns the category that commands of a group have beside those of their flags.
func groupCategory(group string) []string {
	switch group {
	case "generic":
		return []string{"keyspace"}
	case "sorted-set":
		return []string{"sortedset"}
	case "transactions":
		return []string{"transaction"}
	case "server", "cluster":
		return nil
	}
	return []string{group}
}

// aclNames returns the categories of a row as COMMAND INFO writes them.
func aclNames(row *command.Spec) []string {
	has := categoriesOf(row)
	var names []string
	for _, category := range aclCategories() {
		if slices.Contains(has, category) {
			names = append(names, "@"+category)
		}
	}
	return names
}
