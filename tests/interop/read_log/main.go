// Command read_log reads the transparency log of a registry over HTTP with golang.org/x/mod/sumdb (note and tlog),
// which know nothing of Pluginry.
//
//	read_log URL VKEY [-old CHECKPOINT] [PROOF ...]
//
// It opens the checkpoint, recomputes its root out of authenticated tiles, checks every entry of the bundles and the
// growth from every smaller tree, that the checkpoint in the file CHECKPOINT is held, and each PROOF, a
// c2sp.org/tlog-proof@v1. Exit 0: all hold; 1: the first one that does not is named.
package main

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"io"
	"net/http"
	"os"
	"strconv"
	"strings"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

const height = 8

func main() {
	if err := run(os.Args[1], os.Args[2], os.Args[3:]); err != nil {
		fmt.Println("refused:", err)
		os.Exit(1)
	}
}

func run(url, vkey string, files []string) error {
	verifier, err := note.NewVerifier(vkey)
	if err != nil {
		return err
	}
	signed, err := get(url + "/log/checkpoint")
	if err != nil {
		return err
	}
	tree, err := openCheckpoint(signed, verifier)
	if err != nil {
		return fmt.Errorf("checkpoint: %w", err)
	}
	reader := tlog.TileHashReader(tree, &tiles{url: url})
	if root, err := tlog.TreeHash(tree.N, reader); err != nil || root != tree.Hash {
		return fmt.Errorf("root: %v, %v, %v", root, tree.Hash, err)
	}
	entries, err := readEntries(url, tree.N)
	if err != nil {
		return err
	}
	for index, entry := range entries {
		proof, err := tlog.ProveRecord(tree.N, int64(index), reader)
		if err != nil {
			return fmt.Errorf("entry %d: %w", index, err)
		}
		if err := tlog.CheckRecord(proof, tree.N, tree.Hash, int64(index), tlog.RecordHash(entry)); err != nil {
			return fmt.Errorf("entry %d: %w", index, err)
		}
	}
	for old := int64(1); old <= tree.N; old++ {
		if err := checkGrowth(tree, old, nil, reader); err != nil {
			return fmt.Errorf("growth from %d: %w", old, err)
		}
	}
	if len(files) > 1 && files[0] == "-old" {
		text, err := os.ReadFile(files[1])
		if err != nil {
			return err
		}
		old, err := openCheckpoint(text, verifier)
		if err != nil {
			return fmt.Errorf("old checkpoint: %w", err)
		}
		if err := checkGrowth(tree, old.N, &old.Hash, reader); err != nil {
			return fmt.Errorf("old checkpoint: %w", err)
		}
		files = files[2:]
	}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			return err
		}
		if err := checkProof(text, verifier, entries); err != nil {
			return fmt.Errorf("proof: %w", err)
		}
	}
	fmt.Printf("%d entries, %d proofs\n", tree.N, len(files))
	return nil
}

// openCheckpoint opens a note and reads its first three lines: origin, size and root.
func openCheckpoint(text []byte, verifier note.Verifier) (tlog.Tree, error) {
	opened, err := note.Open(text, note.VerifierList(verifier))
	if err != nil {
		return tlog.Tree{}, err
	}
	lines := strings.Split(opened.Text, "\n")
	if len(lines) < 4 || lines[0] != verifier.Name() {
		return tlog.Tree{}, fmt.Errorf("not a checkpoint of %s", verifier.Name())
	}
	size, err := strconv.ParseInt(lines[1], 10, 64)
	if err != nil {
		return tlog.Tree{}, err
	}
	hash, err := tlog.ParseHash(lines[2])
	return tlog.Tree{N: size, Hash: hash}, err
}

func checkGrowth(tree tlog.Tree, size int64, root *tlog.Hash, reader tlog.HashReader) error {
	if root == nil {
		computed, err := tlog.TreeHash(size, reader)
		if err != nil {
			return err
		}
		root = &computed
	}
	proof, err := tlog.ProveTree(tree.N, size, reader)
	if err != nil {
		return err
	}
	return tlog.CheckTree(proof, tree.N, tree.Hash, size, *root)
}

// checkProof checks a c2sp.org/tlog-proof@v1 about one of the entries.
func checkProof(text []byte, verifier note.Verifier, entries [][]byte) error {
	head, checkpoint, found := bytes.Cut(text, []byte("\n\n"))
	if !found {
		return fmt.Errorf("it has no checkpoint")
	}
	tree, err := openCheckpoint(checkpoint, verifier)
	if err != nil {
		return err
	}
	lines := strings.Split(string(head), "\n")
	if lines[0] != "c2sp.org/tlog-proof@v1" {
		return fmt.Errorf("its first line is %q", lines[0])
	}
	lines = lines[1:]
	if strings.HasPrefix(lines[0], "extra ") {
		lines = lines[1:]
	}
	index, err := strconv.ParseInt(strings.TrimPrefix(lines[0], "index "), 10, 64)
	if err != nil || index >= int64(len(entries)) {
		return fmt.Errorf("its index: %v", lines[0])
	}
	var proof tlog.RecordProof
	for _, line := range lines[1:] {
		hash, err := tlog.ParseHash(line)
		if err != nil {
			return err
		}
		proof = append(proof, hash)
	}
	return tlog.CheckRecord(proof, tree.N, tree.Hash, index, tlog.RecordHash(entries[index]))
}

func readEntries(url string, size int64) ([][]byte, error) {
	var entries [][]byte
	for first := int64(0); first < size; first += 1 << height {
		width := size - first
		if width > 1<<height {
			width = 1 << height
		}
		data, err := get(url + "/log/tile/entries/" + path(first>>height, int(width)))
		if err != nil {
			return nil, err
		}
		for count := int64(0); count < width; count++ {
			if len(data) < 2 || len(data) < 2+int(binary.BigEndian.Uint16(data)) {
				return nil, fmt.Errorf("the bundle at %d ends within an entry", first)
			}
			length := int(binary.BigEndian.Uint16(data))
			entries = append(entries, data[2:2+length])
			data = data[2+length:]
		}
		if len(data) != 0 {
			return nil, fmt.Errorf("the bundle at %d goes on behind its entries", first)
		}
	}
	return entries, nil
}

// tiles reads tiles where c2sp.org/tlog-tiles has them: as in Go's checksum database, without the height.
type tiles struct{ url string }

func (t *tiles) Height() int { return height }

func (t *tiles) SaveTiles([]tlog.Tile, [][]byte) {}

func (t *tiles) ReadTiles(wanted []tlog.Tile) ([][]byte, error) {
	var all [][]byte
	for _, tile := range wanted {
		data, err := get(fmt.Sprintf("%s/log/tile/%d/%s", t.url, tile.L, path(tile.N, tile.W)))
		if err != nil {
			return nil, err
		}
		if len(data) != tile.W*tlog.HashSize {
			return nil, fmt.Errorf("tile %v has %d bytes", tile, len(data))
		}
		all = append(all, data)
	}
	return all, nil
}

// path is the number of a tile in groups of three digits, and its width unless it is full.
func path(number int64, width int) string {
	text := fmt.Sprintf("%03d", number%1000)
	for number /= 1000; number > 0; number /= 1000 {
		text = fmt.Sprintf("x%03d/%s", number%1000, text)
	}
	if width < 1<<height {
		text = fmt.Sprintf("%s.p/%d", text, width)
	}
	return text
}

func get(url string) ([]byte, error) {
	response, err := http.Get(url)
	if err != nil {
		return nil, err
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("%s: %s", url, response.Status)
	}
	return io.ReadAll(io.LimitReader(response.Body, 1<<25))
}
