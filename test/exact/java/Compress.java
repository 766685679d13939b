import java.io.IOException;
import java.io.OutputStream;
import java.util.zip.GZIPOutputStream;

/** Compresses standard input to standard output by java.util.zip, as jib does it. */
final class Compress {
    private static final class Leveled extends GZIPOutputStream {
        Leveled(OutputStream to, int level) throws IOException {
            super(to);
            def.setLevel(level);
        }
    }

    public static void main(String[] args) throws IOException {
        try (OutputStream to = new Leveled(System.out, Integer.parseInt(args[0]))) {
            System.in.transferTo(to);
        }
    }
}
