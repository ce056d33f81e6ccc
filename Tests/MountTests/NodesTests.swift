import Foundation
import Model
import Testing

@testable import Mount

@Suite struct `Nodes of a mount` {
    @Test func `keep their number until the kernel has forgotten all that it was told`() {
        let nodes = Nodes(Node(.names("")))
        #expect(nodes.tell(Node(.names(""))) == Nodes.root)
        let node = Node(.names("org"))
        let number = nodes.tell(node)
        #expect(nodes.tell(node) == number && nodes.tell(node) == number)
        nodes.forget(number, 2)
        #expect(nodes.node(number) == node && nodes.count == 1)
        nodes.forget(number, 1)
        #expect(nodes.node(number) == nil && nodes.count == 0)
        #expect(nodes.tell(node) != number)
        nodes.forget(900, 5)
    }

    @Test func `are many, and each has one number on all threads`() async {
        let nodes = Nodes(Node(.names("")))
        await withTaskGroup(of: Set<UInt64>.self) { group in
            for _ in 0..<8 { group.addTask { Set((0..<500).map { nodes.tell(Node(.names(ExactText("\($0)")))) }) } }
            for await numbers in group { #expect(numbers.count == 500) }
        }
        #expect(nodes.count == 500)
    }
}

@Suite struct `The table of mounts` {
    @Test func `is read with spaces in paths and without lines that are cut`() {
        let text = """
            22 1 8:1 / / rw,relatime shared:1 - ext4 /dev/sda1 rw
            42 27 0:39 / /home/a\\040b/m ro,nosuid shared:7 master:1 - fuse.cake /store\\011x ro,user_id=0
            43 27 0:40 / /short ro - fuse
            """
        let entries = MountTable.entries(Array(text.utf8))
        #expect(entries.map(\.path) == ["/", "/home/a b/m"])
        #expect(entries.last?.isCakes == true && entries.last?.source == "/store\tx" && entries.first?.isCakes == false)
    }
}
