/// Of all programs and libraries that are built from these sources.
public enum CakeVersion {
    public static let text = "1.0.0"
}
