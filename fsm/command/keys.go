package command

func keyRows() []Spec { return nil }
