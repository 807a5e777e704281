package tests_test

import "github.com/filecleangen/filecleangen/runtime"

// tagged are the models with file fields: none.
var tagged = map[*runtime.Type]any{}
