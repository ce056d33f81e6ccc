extension PackIndex {
    /// The part of an index that a model may list if not everyone may read the index: members in packs that contain
    /// only layers of the model, to their last byte. A delta whose base is in another pack is left out, too.
    public func part(whollyOf layers: Set<Digest>) throws(CakeError) -> PackIndex {
        var covered = [UInt64](repeating: 0, count: packs.count)
        var isNeeded = [Bool](repeating: true, count: packs.count)
        for member in members {
            covered[member.pack] = covered[member.pack].clampedSum(member.length)
            if !layers.contains(member.layer.digest) { isNeeded[member.pack] = false }
        }
        // Bytes without a member may be a layer that this index does not list.
        for (number, pack) in packs.enumerated() where covered[number] != pack.size { isNeeded[number] = false }
        let kept = members.filter { member in
            guard isNeeded[member.pack] else { return false }
            return member.base.map { base in self[base].map { isNeeded[$0.pack] } ?? false } ?? true
        }
        return try PackIndex(packs: packs, members: kept)
    }
}
