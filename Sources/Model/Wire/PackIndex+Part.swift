extension PackIndex {
    /// What a model may name of an index that not everybody may read: members in packs that hold nothing but layers of the
    /// model, to their last byte. A delta whose base is in another pack than these goes, too.
    public func part(whollyOf layers: Set<Digest>) throws(CakeError) -> PackIndex {
        var covered = [UInt64](repeating: 0, count: packs.count)
        var isNeeded = [Bool](repeating: true, count: packs.count)
        for member in members {
            covered[member.pack] = covered[member.pack].clampedSum(member.length)
            if !layers.contains(member.layer.digest) { isNeeded[member.pack] = false }
        }
        // Bytes that no member takes may be a layer that this index does not tell of.
        for (number, pack) in packs.enumerated() where covered[number] != pack.size { isNeeded[number] = false }
        let kept = members.filter { member in
            guard isNeeded[member.pack] else { return false }
            return member.base.map { base in self[base].map { isNeeded[$0.pack] } ?? false } ?? true
        }
        return try PackIndex(packs: packs, members: kept)
    }
}
