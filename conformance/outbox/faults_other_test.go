//go:build !unix

package outbox_test

func stopOnce(w *world, _ childTask) { w.t.Fatal("there is no such signal here") }
