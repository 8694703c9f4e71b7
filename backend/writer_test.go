package backend

import "testing"

func TestTransactionsOfTheBulkAreSmallWhileHitsAreThere(t *testing.T) {
	c := &Consumer{cfg: ConsumeConfig{BatchEvents: 800}}
	bulk := &writer{c: c, lane: newLane("")}
	bulk.batch.Rows = make([]Row, 100)
	if bulk.isFull() {
		t.Error("100 events of 800 close the transaction though no hit is there")
	}
	c.hits.came()
	if !bulk.isFull() {
		t.Error("100 events of 800 do not close the transaction though a hit is in hand")
	}
	c.hits.kept(1)
	if !bulk.isFull() {
		t.Error("right after a hit the transactions are full again")
	}
	if urgent := (&writer{c: c, lane: newLane("-urgent"), batch: bulk.batch}); urgent.isFull() {
		t.Error("hits make their own transactions small")
	}
}
