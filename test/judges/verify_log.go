// Verifies a Parapet log from its published files with the code of the Go checksum database, which nobody of Parapet
// wrote: golang.org/x/mod/sumdb/note opens checkpoints, golang.org/x/mod/sumdb/tlog reads tiles, proves and checks.
//
//	verify_log FOLDER VKEY [OLDER-CHECKPOINT-FILE]...
//
// Prints one line and exits 0 when everything verifies; prints what is wrong and exits 1 otherwise.
package main

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

const entryBytes = 512

// folder reads C2SP tiles: sumdb names them tile/8/L/N where C2SP says tile/L/N.
type folder string

func (f folder) Height() int { return 8 }

func (f folder) ReadTiles(tiles []tlog.Tile) ([][]byte, error) {
	var out [][]byte
	for _, tile := range tiles {
		path := "tile/" + strings.TrimPrefix(tile.Path(), "tile/8/")
		data, err := os.ReadFile(filepath.Join(string(f), path))
		if err != nil {
			return nil, err
		}
		out = append(out, data)
	}
	return out, nil
}

func (f folder) SaveTiles([]tlog.Tile, [][]byte) {}

func openCheckpoint(path, vkey string) (tlog.Tree, error) {
	var tree tlog.Tree
	data, err := os.ReadFile(path)
	if err != nil {
		return tree, err
	}
	verifier, err := note.NewVerifier(vkey)
	if err != nil {
		return tree, err
	}
	opened, err := note.Open(data, note.VerifierList(verifier))
	if err != nil {
		return tree, err
	}
	lines := strings.Split(opened.Text, "\n")
	if len(lines) != 4 || lines[3] != "" || lines[0] != verifier.Name() {
		return tree, fmt.Errorf("%s is not a checkpoint of %s", path, verifier.Name())
	}
	tree.N, err = strconv.ParseInt(lines[1], 10, 64)
	if err != nil {
		return tree, err
	}
	tree.Hash, err = tlog.ParseHash(lines[2])
	return tree, err
}

func readEntries(dir string, size int64) ([][]byte, error) {
	var entries [][]byte
	for n := int64(0); n*256 < size; n++ {
		width := int(size - n*256)
		if width > 256 {
			width = 256
		}
		path := tlog.Tile{H: 8, L: 0, N: n, W: width}.Path()
		path = "tile/entries/" + strings.TrimPrefix(path, "tile/8/0/")
		data, err := os.ReadFile(filepath.Join(dir, path))
		if err != nil {
			return nil, err
		}
		for i := 0; i < width; i++ {
			if len(data) < 2 || len(data) < 2+int(binary.BigEndian.Uint16(data)) {
				return nil, fmt.Errorf("%s ends too early", path)
			}
			length := int(binary.BigEndian.Uint16(data))
			entries = append(entries, data[2:2+length])
			data = data[2+length:]
		}
		if len(data) > 0 {
			return nil, fmt.Errorf("%s goes on after its last entry", path)
		}
	}
	return entries, nil
}

func verify(dir, vkey string, older []string) (int64, error) {
	tree, err := openCheckpoint(filepath.Join(dir, "checkpoint"), vkey)
	if err != nil {
		return 0, err
	}
	entries, err := readEntries(dir, tree.N)
	if err != nil {
		return 0, err
	}
	// Every tile that this reader uses is authenticated against the signed root first.
	reader := tlog.TileHashReader(tree, folder(dir))
	for i, entry := range entries {
		if len(entry) != entryBytes || !bytes.HasPrefix(entry, []byte("parapet/entry/v1\nkind ")) {
			return 0, fmt.Errorf("entry %d is not an entry", i)
		}
		proof, err := tlog.ProveRecord(tree.N, int64(i), reader)
		if err != nil {
			return 0, err
		}
		if err := tlog.CheckRecord(proof, tree.N, tree.Hash, int64(i), tlog.RecordHash(entry)); err != nil {
			return 0, fmt.Errorf("entry %d: %v", i, err)
		}
	}
	for _, path := range older {
		old, err := openCheckpoint(path, vkey)
		if err != nil {
			return 0, err
		}
		proof, err := tlog.ProveTree(tree.N, old.N, reader)
		if err != nil {
			return 0, err
		}
		if err := tlog.CheckTree(proof, tree.N, tree.Hash, old.N, old.Hash); err != nil {
			return 0, fmt.Errorf("%s: %v", path, err)
		}
	}
	return tree.N, nil
}

func main() {
	size, err := verify(os.Args[1], os.Args[2], os.Args[3:])
	if err != nil {
		fmt.Println("not verified:", err)
		os.Exit(1)
	}
	fmt.Printf("verified %d entries, %d other files\n", size, len(os.Args)-3)
}
